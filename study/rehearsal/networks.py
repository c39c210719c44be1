"""The networks of a study: the one that it names, or those that its searched arguments make.

There may be any number of those; a few of them (`search_spaces.architectures`) stand for all before the study starts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from search_spaces import Layers, Scale, Shape, architectures, configuration, parameters, validate
from study.config import StudyConfig
from trainables.declarations import Value, architecture
from trainables.errors import Mistake, Mistakes

if TYPE_CHECKING:
    from trainables.problem import Problem

Arguments = Mapping[str, Value]
"""Parameters that are arguments of the network."""

_READ_INPUTS = {"inputs", "parameters", "macs", "flops"}
"""Objectives that become better where fewer input features are read."""
_EXAMPLES = 4096


def networks(config: StudyConfig) -> list[Arguments]:
    """Those that are tried, of all methods; the one without searched arguments is an empty mapping."""
    found = (arguments for method in config.methods for arguments in architectures(config.space(method)))
    return list({_key(arguments): arguments for arguments in found}.values())


def problem_of(config: StudyConfig, arguments: Arguments) -> Problem:
    """The network on the study's data. Raises what making it raises."""
    from trainables.problem import problem

    return problem(config.data_options(), config.model_options(arguments), config.seed)


def problems(config: StudyConfig) -> Iterator[Problem]:
    """Of all networks that are tried."""
    return (problem_of(config, arguments) for arguments in networks(config))


def scales(config: StudyConfig) -> dict[str, Scale]:
    """What the default ranges of each method follow from; of several networks the layers are a function of arguments.

    Loads the data and builds the networks that are tried: what is wrong with them is said before anything starts.

    Raises:
        ValueError: data, a network or a search space do not fit.
    """
    found = {}
    for method in config.methods:
        largest = scale_of_largest(config, method)
        found[method] = replace(largest, layers=_layers(config, method, largest))
        for index, wanted in enumerate(config.methods[method].first or ()):
            try:
                configuration(config.implementation(method), config.space(method), wanted, found[method])
            except Mistakes as wrong:
                raise Mistakes(one.under("methods", method, "first", index) for one in wrong.mistakes) from None
    return found


def scale_of_largest(config: StudyConfig, method: str) -> Scale:
    """Of the largest network that is tried, with the layers of the deepest."""
    tried = [problem_of(config, one) for one in architectures(config.space(method))]
    _refuse_absent(config, method, tried)
    most = max(count_layers(config, method, where) for where in tried)
    return replace(scale_of(config, max(tried, key=lambda where: where.graph.macs)), layers=most)


def _refuse_absent(config: StudyConfig, method: str, tried: Sequence[Problem]) -> None:
    """Raises Mistakes for kinds of groups that a method is to act on and none of the networks has."""
    there = {m[0].what for where in tried for m in where.graph.sets if m[0].hidden}
    for index, kind in enumerate(config.methods[method].groups or ()):
        if kind not in there:
            raise Mistakes([Mistake.of_name(kind, sorted(there), "methods", method, "groups", index)])


def scale_of(config: StudyConfig, where: Problem) -> Scale:
    """Of a problem, but for the layers that a method has knobs for."""
    from trainables.training import rate_factor

    recipe, data, epochs = config.recipe(), where.dataset, config.epochs - config.polish
    factors = [rate_factor(recipe.lr_schedule, epoch, config.epochs) for epoch in range(epochs)]
    targets = None if data.task == "classification" else data.targets(data.train.y[:_EXAMPLES]).float()
    return Scale(
        examples=len(data.train),
        epochs=epochs,
        steps=epochs * math.ceil(len(data.train) / config.batch_size),
        factor=sum(factors) / epochs,
        optimizer=config.optimizer.name,
        loss=1.0 if targets is None else float(targets.square().mean()) or 1.0,
        shapes=tuple(
            Shape(layer.units, layer.inputs // layer.groups, layer.kernel, layer.kind == "conv")
            for layer in where.graph.layers
        ),
        learning=epochs / config.epochs,
        counts_inputs=bool(_READ_INPUTS & set(config.objectives)),
    )


def _layers(config: StudyConfig, method: str, scale: Scale) -> Layers:
    implementation, space = config.implementation(method), config.space(method)
    tried = architectures(space)
    counts = [count_layers(config, method, problem_of(config, arguments)) for arguments in tried]
    most = max(counts)
    validate(implementation, space, scale)
    # Where the parameters are the same in all networks none has to be built to ask for a trial.
    if len({_written(config, method, replace(scale, layers=count)) for count in counts}) == 1:
        return most
    known = {_key(architecture(one)): count for one, count in zip(tried, counts, strict=True)}

    def count(arguments: Mapping[str, Any]) -> int:
        key = _key(arguments)
        if key not in known:
            known[key] = _counted(config, method, arguments, most)
        return known[key]

    return count


def _counted(config: StudyConfig, method: str, arguments: Mapping[str, Any], otherwise: int) -> int:
    """Of a network that may be impossible, which its trial will tell."""
    from trainables.problem import problem

    try:
        where = problem(config.data_options(), {**config.model_options(), **arguments}, config.seed)
    except Exception:
        return otherwise
    return count_layers(config, method, where)


def count_layers(config: StudyConfig, method: str, where: Problem) -> int:
    """Entries of a per-layer parameter of a method in this network."""
    from trainables.methods import Setting, method_class

    epochs, groups = config.epochs, config.recipe(method).groups
    setting = Setting(len(where.dataset.train), 1, epochs - config.polish, epochs, groups=groups)
    return len(method_class(config.implementation(method))(where.graph, setting).layers)


def _written(config: StudyConfig, method: str, scale: Scale) -> str:
    """The parameters of a method in a network of this scale, in words."""
    try:
        found = parameters(config.implementation(method), config.space(method), scale)
    except Mistakes as wrong:  # settings of layers that this network does not have
        return str(wrong)
    return _key({parameter.name: str(parameter.domain) for parameter in found})


def _key(arguments: Mapping[str, Any]) -> str:
    return json.dumps(dict(arguments), sort_keys=True)
