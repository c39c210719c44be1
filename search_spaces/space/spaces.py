"""The search space of every method: sampled for a trial, listed, checked against a user's settings.

`method` everywhere is a name, or a user's own method as `module:Class`; `overrides` are the user's settings by
name, in the forms of search_spaces/space/override.py, those of arguments of the network in the forms of
search_spaces/space/architecture.py; `layers` is the scale of the problem, or only the number of layers that can have a
knob of their own, a function where it follows from arguments of the network, or None while nothing is known: what is
missing is that of digits.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from search_spaces.space.branches import branches, merged
from search_spaces.space.learning_rate import learning_rate
from search_spaces.space.parameter import Choice, Parameter, Pinned, Range
from search_spaces.space.scale import DIGITS, Extent, Scale
from search_spaces.space.suggest import Suggest
from trainables.declarations import MODEL, Value, declared
from trainables.errors import Mistake, Mistakes

if TYPE_CHECKING:
    import optuna

Space: TypeAlias = Callable[[Suggest], None]


@functools.cache
def spaces() -> Mapping[str, Space]:
    """Every method's, by name: the modules of search_spaces."""
    package = importlib.import_module("search_spaces")
    names = [
        module.name
        for module in pkgutil.iter_modules(package.__path__)
        if not module.ispkg and module.name != "__main__"
    ]
    return {name: importlib.import_module(f"search_spaces.{name}").space for name in names}


def methods() -> tuple[str, ...]:
    """The methods that have a search space."""
    return tuple(spaces())


def suggest_parameters(
    trial: optuna.Trial, method: str, overrides: Mapping[str, object], layers: Extent
) -> dict[str, Value]:
    """The trial's parameters by name, those pinned included. Raises Mistakes when a setting is impossible."""
    suggest = Suggest(declared(method), overrides, _scale(layers), functools.partial(_sample, trial))
    _space(method)(suggest)
    if suggest.mistakes:
        raise Mistakes(suggest.mistakes)
    return suggest.values


def parameters(
    method: str, overrides: Mapping[str, object] | None = None, layers: Extent | None = None
) -> list[Parameter]:
    """The parameters a trial may have, over all branches of the space that the settings leave open.

    Raises: Mistakes (a ValueError) with every setting that is unknown, impossible or without effect.
    """
    overrides, declaration = overrides or {}, declared(method)
    scale = _scale(layers or max(2, declaration.deepest(map(str, overrides))))
    if callable(scale.layers):
        scale = replace(scale, layers=max(2, declaration.deepest(map(str, overrides))))
    runs = branches(_space(method), declaration, overrides, scale)
    found = {parameter.name: parameter for parameter in merged(runs)}
    mistakes = [mistake for run in runs for mistake in run.mistakes]
    odd = [name for name in overrides if name not in found and not name.startswith(MODEL)]
    # Every way through a space of many choices takes a while, and is asked for where something is wrong.
    known = {parameter.name: parameter for parameter in every_parameter(method, scale)} if odd else {}
    for name in odd:
        if name not in known:
            mistakes.append(Mistake.of_name(name, known, name))
        elif not mistakes:
            when = known[name].when
            given = ", ".join(f"{n} = {p.domain}" for n, p in found.items() if f"{n} = " in when)
            mistakes.append(Mistake((name,), f"{when}, without which it has no effect", given))
    if mistakes:
        raise Mistakes(dict.fromkeys(mistakes))
    return list(found.values())


def every_parameter(method: str, layers: Extent) -> list[Parameter]:
    """All parameters the method has with their defaults, even those that take a setting to come into play."""
    return merged(branches(_space(method), declared(method), {}, _scale(layers), everything=True))


def validate(method: str, overrides: Mapping[str, object], layers: Extent | None = None) -> None:
    """Raises: Mistakes (a ValueError) with every setting that is unknown, impossible or without effect."""
    parameters(method, overrides, layers)


def distributions(
    method: str, overrides: Mapping[str, object] | None = None, layers: Extent | None = None
) -> dict[str, optuna.distributions.BaseDistribution]:
    """Optuna's distributions of the parameters that are searched. Raises as `parameters` does."""
    return {p.name: _distribution(p) for p in parameters(method, overrides, layers) if p.searched}


def _scale(layers: Extent) -> Scale:
    return layers if isinstance(layers, Scale) else replace(DIGITS, layers=layers)


def _space(method: str) -> Space:
    return spaces()[method] if method in spaces() else declared(method).space or fixed_knobs


def fixed_knobs(suggest: Suggest) -> None:
    """The space of a method that has none: the learning rate is searched, every knob fixed until a study says more."""
    learning_rate(suggest)
    for knob in suggest.method.knobs:
        if knob.per_layer:
            suggest.per_layer(knob.name, why=knob.doc)
        else:
            suggest.fixed(knob.name, why=knob.doc)


def _sample(trial: optuna.Trial, parameter: Parameter) -> Value:
    match parameter.domain:
        case Pinned(value):
            return value
        case Choice(choices):
            return choices[choices.index(trial.suggest_categorical(parameter.name, choices))]
        case Range(low, high, log, step) if parameter.kind == "int":
            return int(trial.suggest_int(parameter.name, int(low), int(high), step=int(step or 1), log=log))
        case Range(low, high, log, step):
            return trial.suggest_float(parameter.name, low, high, step=step, log=log)


def _distribution(parameter: Parameter) -> optuna.distributions.BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match parameter.domain:
        case Range(low, high, log, step) if parameter.kind == "int":
            return IntDistribution(int(low), int(high), log=log, step=int(step or 1))
        case Range(low, high, log, step):
            return FloatDistribution(low, high, log=log, step=step)
        case Choice(choices):
            return CategoricalDistribution(choices)
        case Pinned(value):
            return CategoricalDistribution([value])
