"""The class of a method's hooks, by name."""

from __future__ import annotations

import importlib

from trainables.declarations import declarations, declared
from trainables.errors import StudyError
from trainables.imports import imported
from trainables.methods.base import Method


def method_class(method: str) -> type[Method]:
    """Of a method by name, or of a user's own by ``module:Class``.

    Raises:
        StudyError: no such method, or what is named is no method.
    """
    declaration = declared(method)
    if method in declarations():
        found = getattr(importlib.import_module(f"trainables.methods.{method}"), declaration.class_name)
    else:
        found = imported(method, "a method")
    if not (isinstance(found, type) and issubclass(found, Method)):
        raise StudyError(f"{method}: expected a subclass of trainables.methods.Method, got {found!r}")
    return found
