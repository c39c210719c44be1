"""All methods by name: those of this folder, a file each, and anyone's own by ``module:Class``."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping

from trainables.declarations.declaration import Declaration
from trainables.errors import Mistake, Mistakes, StudyError
from trainables.own_code import load_object

_KINDS = ("control", "method", "pruning")
_FOLDER = "trainables.declarations"


@functools.cache
def declarations() -> Mapping[str, Declaration]:
    """Those that come with the package: controls first, baselines last."""
    folder = importlib.import_module(_FOLDER)
    modules = (found.name for found in pkgutil.iter_modules(folder.__path__) if not found.ispkg)
    found = [getattr(importlib.import_module(f"{_FOLDER}.{name}"), "declaration", None) for name in modules]
    declared = sorted((d for d in found if isinstance(d, Declaration)), key=lambda d: _KINDS.index(d.kind))
    return {declaration.name: declaration for declaration in declared}


def declared(method: str) -> Declaration:
    """The declaration of a method, by name, or of a user's own by ``module:Class``, which imports that module.

    Raises:
        StudyError: no such method; a class without a declaration, or with the name of a method that is there already.
    """
    if ":" not in method:
        if method not in declarations():
            raise Mistakes([Mistake.of_name(method, [*declarations(), "module:Class"])])
        return declarations()[method]
    own = getattr(load_object(method, object, "method"), "declaration", None)
    if not isinstance(own, Declaration):
        raise StudyError(f"{method}: expected a method with a `declaration`, a Declaration, on its class, got {own!r}")
    if own.name in declarations():
        raise StudyError(f"{method}: expected a name of its own, but a method {own.name!r} comes with the package")
    return own
