"""Code of the user's own, named "module:Name" in a study or in a network's card. The one place that imports it.

To import is to run, and a study directory or a network's file may come from a stranger. So a module is imported only if

- it lies in the working directory, apart from what is being read (`reading`), such as an unpacked study; or
- the user has named it (`trust`): with `--module`, or in the YAML that `study run` was given.

What is found in it is checked before anything is called.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TypeVar

from trainables.errors import StudyError, not_one_of

__all__ = ["load_function", "load_object", "names_in", "reading", "source_hash", "trust", "trusted"]

_T = TypeVar("_T")

_TARGET = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*)")
_named: set[str] = set()
_read: set[Path] = set()


def trust(*modules: str) -> None:
    """The user has named these: they may be imported wherever Python finds them, and what is in them."""
    _named.update(modules)


def trusted() -> list[str]:
    """What the user has named, and what was found in the working directory: a worker elsewhere may import it, too."""
    return sorted(_named)


def reading(place: str | Path | None) -> None:
    """This file or folder is somebody's: what lies in it, or in one package with it, is not the user's own."""
    if place is not None:
        _read.add(Path(place).resolve())


def names_in(value: object) -> Iterator[str]:
    """The modules of all "module:Name" in a study's settings, keys included."""
    if isinstance(value, str):
        found = _TARGET.fullmatch(value)
        if found is not None:
            yield found[1]
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from names_in(key)
            yield from names_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from names_in(inner)


def load_object(target: str, kind: type[_T], what: str) -> type[_T]:
    """The class that "module:Name" names; nothing of it has been called.

    Args:
        target: as the study has it.
        kind: what it has to be derived from.
        what: it is to be, for messages: "model".

    Raises:
        StudyError: the module is not the user's own, or not there, or has no such name, or it is something else.
            Errors of the module's own code are not caught.
    """
    found = _found(target, what)
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise StudyError(f"{what}: expected {target} to be a class derived from {kind.__name__}, but got {found!r}")
    return found


def load_function(target: str, what: str) -> FunctionType:
    """The function that "module:Name" names, which has to be written in that module; it has not been called.

    Raises:
        StudyError: as `load_object`.
    """
    found = _found(target, what)
    if not isinstance(found, FunctionType) or found.__module__ != target.partition(":")[0]:
        raise StudyError(f"{what}: expected {target} to be a function of that module, but got {found!r}")
    return found


def _found(target: str, what: str) -> object:
    parts = _TARGET.fullmatch(target) if isinstance(target, str) else None
    if parts is None:
        raise StudyError(f"{what}: code of your own is named 'module:Name', but got {target!r}")
    name, attribute = parts.groups()
    place = _admit(name, target, what)
    module = _imported(name, target, what)
    top = sys.modules[name.partition(".")[0]]
    if place is not None and (top.__spec__ is None or _place(top.__spec__) != place):
        raise StudyError(f"{what}: {target} is not what Python knows as {top.__name__!r} ({top}); give it another name")
    if attribute not in vars(module):
        names = (known for known in vars(module) if not known.startswith("_"))
        raise not_one_of(f"{what}: name in {name}", attribute, names)
    found: object = vars(module)[attribute]
    return found


def source_hash(module: str) -> str:
    """Of the source that the module's file or its whole package is made of; empty where there is none."""
    spec = getattr(sys.modules.get(module.partition(".")[0]), "__spec__", None)
    place = _place(spec) if isinstance(spec, ModuleSpec) else None
    if place is None:
        return ""
    digest = blake2b(digest_size=6)
    for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
        digest.update(f"{file.relative_to(place.parent)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _admit(name: str, target: str, what: str) -> Path | None:
    """Where the module lies, None where it may lie anywhere since the user has named it; nothing of it is run.

    Raises:
        StudyError: it is not the user's own.
    """
    here = Path.cwd().resolve()
    spec = PathFinder.find_spec(name.partition(".")[0], [str(here)])
    if any(f"{name}.".startswith(f"{own}.") for own in _named):
        if spec is not None:
            _make_importable(here)
        return None
    place = None if spec is None else _place(spec)
    if place is None or not place.is_relative_to(here):
        why = f"the module {name!r} is not in the working directory ({here})"
    elif foreign := next((read for read in _read if read.is_relative_to(place) or place.is_relative_to(read)), None):
        why = f"the module {name!r} lies with what is being read ({foreign})"
    else:
        _make_importable(here)
        _named.add(name)
        return place
    raise StudyError(f"{what}: {target} was not imported: {why}; if you trust it, name it with --module {name}")


def _place(spec: ModuleSpec) -> Path | None:
    """The file of a module, the folder of a package."""
    folders = list(spec.submodule_search_locations or ())
    found = folders[0] if folders else spec.origin if spec.has_location else None
    return None if found is None else Path(found).resolve()


def _make_importable(folder: Path) -> None:
    """By this process and by those it starts; only once something in the folder is the user's own."""
    here = str(folder)
    if here not in sys.path:
        sys.path.insert(0, here)
    others = [other for other in os.environ.get("PYTHONPATH", "").split(os.pathsep) if other and other != here]
    os.environ["PYTHONPATH"] = os.pathsep.join([here, *others])


def _imported(name: str, target: str, what: str) -> ModuleType:
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # A module that exists but imports a missing one must say so itself.
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise StudyError(f"{what}: no module {name!r} for {target!r}: not installed and not in {Path.cwd()}") from error
