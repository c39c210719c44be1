"""The class of a method's hooks, by name."""

from __future__ import annotations

import importlib

from trainables.declarations import declarations, declared
from trainables.methods.base import Method
from trainables.own_code import load_object


def method_class(method: str) -> type[Method]:
    """Of a method by name, or of a user's own by ``module:Class``.

    Raises:
        StudyError: no such method, or what is named is no method.
    """
    declaration = declared(method)
    if method in declarations():
        module = importlib.import_module(f"trainables.methods.{method}")
        found: type[Method] = getattr(module, declaration.class_name)
        return found
    return load_object(method, Method, "method")
