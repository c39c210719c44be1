"""What a pack was made with: the versions of the libraries that its numbers depend on, and of our own code."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from study.results import Manifest

_LIBRARIES = ("study", "torch", "numpy", "scikit-learn", "optuna", "ray")
_CODE = ("trainables", "search_spaces")


@lru_cache
def versions() -> dict[str, str]:
    """The libraries' versions, Python's, and ``code``, a hash of the sources that train and propose trials."""
    found = {name: version(name) for name in _LIBRARIES}
    return {"code": _hash_of(_CODE), "python": platform.python_version(), **found}


def differences(manifests: Iterable[Mapping[str, object] | Manifest]) -> list[str]:
    """A line for each version that manifests were written with and that is another one now."""
    seen: dict[str, set[str]] = {}
    for manifest in manifests:
        written = manifest.get("versions")
        if isinstance(written, Mapping):
            for name, value in written.items():
                seen.setdefault(name, set()).add(str(value))
    now = versions()
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
