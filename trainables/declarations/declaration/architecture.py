"""A network's own keyword arguments among a trial's parameters: `model.depth`, beside the knobs of its method.

Parameters are numbers, names and flags; an argument that is a list, such as widths, is written as JSON text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from trainables.declarations.declaration.knob import Value
from trainables.errors import Mistake, Mistakes

MODEL = "model."
"""Begins the names of parameters that are arguments of the network."""


def architecture(parameters: Mapping[str, Value]) -> dict[str, Any]:
    """The arguments that a trial's parameters give its network, by their own names."""
    return {name.removeprefix(MODEL): _argument(value) for name, value in parameters.items() if name.startswith(MODEL)}


def settings_of_method(parameters: Mapping[str, Value]) -> dict[str, Value]:
    """The parameters that are the method's."""
    return {name: value for name, value in parameters.items() if not name.startswith(MODEL)}


def as_parameter(argument: object) -> Value:
    """An argument as a parameter has it.

    Raises:
        Mistakes: it is nothing that a parameter can have.
    """
    if isinstance(argument, list | tuple):
        return json.dumps(argument)
    if isinstance(argument, bool | str) or (isinstance(argument, int | float) and math.isfinite(argument)):
        return argument
    raise Mistakes([Mistake((), "a number, text, true, false or a list", repr(argument))])


def _argument(value: Value) -> Any:
    if isinstance(value, str) and value.startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
