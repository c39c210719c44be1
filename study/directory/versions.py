"""What a pack was made with: the versions of the libraries that its numbers depend on, of our own code, the machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from study.directory.study_directory import Manifest

_LIBRARIES = ("study", "torch", "numpy", "scikit-learn", "optuna", "ray")
_CODE = ("trainables", "search_spaces")
_MACHINE = "machine"
_GPUS = Path("/proc/driver/nvidia/gpus")


@lru_cache
def current_versions() -> dict[str, str]:
    """The libraries' versions, Python's, ``code``, a hash of the sources that train and propose trials, and the machine
    that the study was started on."""
    found = {name: version(name) for name in _LIBRARIES}
    return {"code": _hash_of(_CODE), "python": platform.python_version(), **found, _MACHINE: machine()}


def machine() -> str:
    """Processor, cores, memory and GPUs of this machine, as far as the system tells: `EPYC 9B14, 2 cores, 8 GB`."""
    processors = _lines("/proc/cpuinfo", "model name") or [platform.processor() or platform.machine()]
    cores = os.cpu_count() or 1
    parts = [processors[0], f"{cores} core{'' if cores == 1 else 's'}"]
    if {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= set(os.sysconf_names):
        parts.append(f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB")
    return ", ".join([*parts, *_gpus()])


def _gpus() -> list[str]:
    """From the driver's files: asking CUDA would take memory on the device."""
    files = sorted(_GPUS.glob("*/information"))
    names = [name for file in files for name in _lines(file, "Model")]
    return [f"{names.count(name)} x {name}" for name in dict.fromkeys(names)]


def _lines(path: str | Path, key: str) -> list[str]:
    """What follows ``key`` and a colon."""
    try:
        text = Path(path).read_text()
    except OSError:
        return []
    pairs = (line.partition(":") for line in text.splitlines())
    return [value.strip() for name, _, value in pairs if name.strip() == key]


def version_differences(
    manifests: Iterable[Mapping[str, object] | Manifest], own: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """A line for each version that manifests were written with and that is another one now; machines may change."""
    seen: dict[str, set[str]] = {}
    for manifest in manifests:
        written = manifest.get("versions")
        if isinstance(written, Mapping):
            for name in written.keys() - {_MACHINE}:
                seen.setdefault(name, set()).add(str(written[name]))
    now = {**current_versions(), **own}
    return [
        f"{name}: trials were made with {', '.join(sorted(found))}, now it is {now.get(name, 'not installed')}"
        for name, found in sorted(seen.items())
        if found != {now.get(name)}
    ]


def _hash_of(packages: Iterable[str]) -> str:
    digest = blake2b(digest_size=6)
    for package in packages:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for file in sorted(Path(folder).rglob("*.py")):
                digest.update(f"{package}/{file.relative_to(folder)}\0".encode() + file.read_bytes())
    return digest.hexdigest()
