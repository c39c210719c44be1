"""Every way through a search space: one run for each combination of the choices it branches on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from search_spaces.space.parameter import Choice, Parameter, Pinned, Range
from search_spaces.space.scale import Scale
from search_spaces.space.suggest import Suggest
from trainables.declarations import Declaration, Value


def branches(
    space: Callable[[Suggest], None],
    method: Declaration,
    overrides: Mapping[str, object],
    scale: Scale,
    everything: bool = False,
) -> list[Suggest]:
    """One finished run per combination of choices; `everything` as in Suggest."""
    paths: list[tuple[Value, ...]] = [()]
    runs = []
    for path in paths:  # grows while it is read
        suggest = Suggest(method, overrides, scale, functools.partial(_follow, path, [], paths), everything)
        space(suggest)
        runs.append(suggest)
    return runs


def _follow(path: tuple[Value, ...], taken: list[Value], paths: list[tuple[Value, ...]], parameter: Parameter) -> Value:
    """The choice that `path` prescribes; beyond its end the first, the others becoming paths of their own."""
    match parameter.domain:
        case Pinned(value):
            return value
        case Range(low):
            return low
        case Choice(choices):
            if parameter.kind != "choice":  # spaces branch on names, not on numbers
                return choices[0]
            if len(taken) < len(path):
                value = path[len(taken)]
            else:
                value, *others = choices
                paths += [(*taken, other) for other in others]
            taken.append(value)
            return value


def merged(runs: Sequence[Suggest]) -> list[Parameter]:
    """The parameters of all runs; ranges that differ between branches are joined."""
    found: dict[str, Parameter] = {}
    for run in runs:
        for name, parameter in run.parameters.items():
            found[name] = _joined(found[name], parameter) if name in found else parameter
    return [replace(parameter, when=_when(name, runs)) for name, parameter in found.items()]


def _joined(one: Parameter, other: Parameter) -> Parameter:
    if isinstance(one.domain, Range) and isinstance(other.domain, Range):
        (a, b), (c, d) = one.bounds, other.bounds
        return replace(one, domain=replace(one.domain, low=min(a, c), high=max(b, d)))
    return one


def _when(name: str, runs: Sequence[Suggest]) -> str:
    """The choices that only the branches with this parameter have in common, such as "mode = expand"."""
    conditions = []
    for choice in dict.fromkeys(c.name for run in runs for c in run.parameters.values() if c.kind == "choice"):
        values = dict.fromkeys(run.values.get(choice) for run in runs)
        having = dict.fromkeys(run.values.get(choice) for run in runs if name in run.values)
        if choice != name and None not in having and len(having) < len(values):
            conditions.append(f"{choice} = {' or '.join(map(str, having))}")
    return " and ".join(conditions)
