"""A configuration that a user names, in whole or in part: whether a method's space has it."""

from __future__ import annotations

from collections.abc import Mapping

from search_spaces.space.parameter import Choice, Parameter, Pinned, Range
from search_spaces.space.scale import Extent, Scale
from search_spaces.space.spaces import parameters
from trainables.declarations import Value, as_parameter
from trainables.errors import Mistake, Mistakes


def configuration(
    method: str, overrides: Mapping[str, object], given: Mapping[str, object], layers: Extent | None = None
) -> dict[str, Value]:
    """The values given of the parameters that are searched, in the parameters' own types.

    Args:
        overrides, layers: as everywhere in this folder. While the problem's scale is not known, nor are the default
            ranges: then they allow all numbers that the knob may be.
        given: values by name; what is not given is left to the sampler.

    Raises:
        Mistakes: a name that the space does not have, a value that it does not search.
    """
    known = {parameter.name: parameter for parameter in parameters(method, overrides, layers)}
    mistakes = [Mistake.of_name(name, known, name) for name in given if name not in known]
    found: dict[str, Value] = {}
    for name, value in given.items():
        if name in known:
            listed = isinstance(value, list | tuple)
            loose = name not in overrides and not isinstance(layers, Scale)
            if (fitting := _fitting(known[name], as_parameter(value) if listed else value, loose)) is None:
                mistakes.append(Mistake((name,), f"a value of {known[name].domain}", repr(value)))
            elif known[name].searched:
                found[name] = fitting
    if mistakes:
        raise Mistakes(mistakes)
    return found


def _fitting(parameter: Parameter, value: object, loose: bool) -> Value | None:
    """None where the parameter cannot have this value; ``loose``: a range is no limit."""
    match parameter.domain:
        case Pinned(pinned):
            return pinned if value == pinned else None
        case Choice(choices):
            same = (
                choice for choice in choices if choice == value and isinstance(choice, bool) == isinstance(value, bool)
            )
            return next(same, None)
        case Range(low, high):
            if isinstance(value, bool) or not isinstance(value, int | float):
                return None
            if not (parameter.limits.contains(value) if loose else low <= value <= high):
                return None
            if parameter.kind == "int":
                return int(value) if value == int(value) else None
            return float(value)
