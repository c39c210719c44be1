"""The network's own keyword arguments, searched beside the parameters of a method under names such as `model.depth`.

{choices: [2, 3]}                           searches among values of any kind, lists too
{low: 16, high: 128, log: true, step: 1}    searches a range; of whole numbers if its ends are
anything else                               pins it: a list is a value here
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

from search_spaces.space.override import override
from search_spaces.space.parameter import Choice, Parameter, Pinned
from trainables.declarations import MODEL, REAL, Knob, Value, as_parameter
from trainables.errors import Mistake, Mistakes

_WHY = "an argument of the network"

_FEW = 8
"""Architectures that are all tried before a study starts; of more a selection."""


def is_range(setting: object) -> bool:
    """Whether an argument of a network is to be searched."""
    return isinstance(setting, Mapping) and bool({"choices", "low", "high"} & set(setting))


def argument(name: str, setting: object) -> Parameter:
    """The parameter that searches or pins an argument.

    Raises:
        Mistakes: a setting that makes no sense.
    """
    if not isinstance(setting, Mapping) or not is_range(setting):
        value = as_parameter(setting)
        return Parameter(name, _knob(name, value), Pinned(value), _WHY)
    if "choices" in setting:
        unknown = [Mistake.of_name(key, ["choices"], str(key)) for key in setting if key != "choices"]
        if unknown:
            raise Mistakes(unknown)
        values = setting["choices"]
        if not isinstance(values, list | tuple) or not values:
            raise Mistakes([Mistake((), "a list of values", repr(values))])
        choices = tuple(map(as_parameter, values))
        if len({(type(choice), choice) for choice in choices}) < len(choices):
            raise Mistakes([Mistake((), "different values", repr(values))])
        return Parameter(name, _knob(name, choices[0]), Choice(choices), _WHY)
    ends = [setting[key] for key in ("low", "high", "step") if setting.get(key) is not None]
    whole = all(isinstance(end, int) for end in ends)
    knob = Knob(name, 0 if whole else 0.0, _WHY, REAL)
    return override(Parameter(name, knob, Pinned(knob.default), _WHY), setting)


def arguments(overrides: Mapping[str, object]) -> list[Parameter]:
    """Those among a study's settings of a space. Raises Mistakes."""
    return [argument(name, setting) for name, setting in overrides.items() if name.startswith(MODEL)]


def architectures(overrides: Mapping[str, object]) -> list[dict[str, Value]]:
    """Networks of a space to try before it is searched, by parameter: all if there are few, else some in which each
    choice and each end of a range occurs, the last of all together among them. One without arguments if none is
    searched."""
    domains = {parameter.name: _values(parameter) for parameter in arguments(overrides)}
    if math.prod(map(len, domains.values())) <= _FEW:
        return [dict(zip(domains, values, strict=True)) for values in itertools.product(*domains.values())]
    most = max(map(len, domains.values()))
    found = [{name: values[i % len(values)] for name, values in domains.items()} for i in range(most)]
    last = {name: values[-1] for name, values in domains.items()}
    return found if last in found else [*found, last]


def _values(parameter: Parameter) -> list[Value]:
    match parameter.domain:
        case Choice(choices):
            return list(choices)
        case Pinned(value):
            return [value]
        case _:
            ends = dict.fromkeys(parameter.bounds)
            return [parameter.knob.value(end) for end in ends]


def _knob(name: str, value: Value) -> Knob:
    """A knob of numbers, whatever the values are: spaces branch on choices, not on these."""
    return Knob(name, value if isinstance(value, int | float) and not isinstance(value, bool) else 0, _WHY, REAL)
