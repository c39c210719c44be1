"""What a user's YAML may say about a parameter, and what that makes of it.

0.01                                        pins it
[low, high]                                 searches a range, on the parameter's own scale
{low: 1, high: 10, log: true, step: 1}      the same in full; what is left out stays as it was
{choices: [a, b]}                           searches among values ([a, b] will do where values are names)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from search_spaces.space.parameter import Choice, Parameter, Pinned, Range
from trainables.errors import Mistake, Mistakes


def override(parameter: Parameter, setting: object) -> Parameter:
    """The parameter with the user's setting. Raises Mistakes that say what would have been valid."""
    named = parameter.kind == "choice"
    match setting:
        case Mapping():
            known = ["choices"] if named else ["low", "high", "log", "step", "choices"]
            unknown = [Mistake.of_name(key, known, str(key)) for key in setting if key not in known]
            if unknown:
                raise Mistakes(unknown)
            domain = _choice(parameter, setting["choices"]) if "choices" in setting else _range(parameter, setting)
        case list() | tuple() if named:
            domain = _choice(parameter, setting)
        case [low, high]:
            domain = _range(parameter, {"low": low, "high": high})
        case list() | tuple():
            raise _wrong("[low, high], or {choices: [...]} to search among values", setting)
        case _:
            return replace(parameter, domain=Pinned(parameter.knob.value(setting)))
    return replace(parameter, domain=domain)


def _choice(parameter: Parameter, values: object) -> Choice:
    if not isinstance(values, list | tuple) or not values:
        raise _wrong("a list of values", values)
    choices = tuple(parameter.knob.value(value) for value in values)
    if len(set(choices)) < len(choices):
        raise _wrong("different values", values)
    return Choice(choices)


def _range(parameter: Parameter, setting: Mapping[str, object]) -> Range:
    declared = parameter.domain
    if isinstance(declared, Range):
        log = declared.log
        setting = {"low": declared.low, "high": declared.high, "step": declared.step, **setting}
    else:
        log = parameter.knob.log
    missing = [end for end in ("low", "high") if end not in setting]
    if missing:
        raise _wrong(f"low and high ({parameter.name} is not searched unless you give both)", dict(setting))
    low, high = (float(parameter.knob.value(setting[end])) for end in ("low", "high"))
    scale = setting.get("log", log)
    if not isinstance(scale, bool):
        raise _wrong("true or false", scale, "log")
    if low > high:
        raise _wrong("low <= high", [low, high])
    if scale and low <= 0:
        raise _wrong("low > 0, the scale being logarithmic (log: false makes it linear)", low)
    step = setting.get("step")
    if step is None:
        return Range(low, high, scale)
    if scale:
        raise _wrong("no step, the scale being logarithmic (log: false makes it linear)", step, "step")
    if isinstance(step, bool) or not isinstance(step, int | float) or not 0 < step <= high - low:
        raise _wrong(f"a number in (0, {high - low:g}]", step, "step")
    if parameter.kind == "int" and step != int(step):
        raise _wrong("a whole number", step, "step")
    return Range(low, high, scale, float(step))


def _wrong(expected: str, got: object, *keys: str) -> Mistakes:
    return Mistakes([Mistake(keys, expected, repr(got))])
