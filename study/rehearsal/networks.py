"""The networks of a study: the one that it names, or those that its searched arguments make.

There may be any number of those; a few of them (`search_spaces.architectures`) stand for all before the study starts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from search_spaces import Layers, architectures, parameters, validate
from study.config import StudyConfig
from trainables.declarations import Value, architecture
from trainables.errors import Mistakes

if TYPE_CHECKING:
    from trainables.problem import Problem

Arguments = Mapping[str, Value]
"""Parameters that are arguments of the network."""


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


def layer_counts(config: StudyConfig) -> dict[str, Layers]:
    """How many entries a per-layer parameter of each method has; of several networks a function of their arguments.

    Loads the data and builds the networks that are tried: what is wrong with them is said before anything starts.

    Raises:
        ValueError: data, a network or a search space do not fit.
    """
    return {method: _layers(config, method) for method in config.methods}


def most_layers(config: StudyConfig, method: str) -> int:
    """Entries of a per-layer parameter of a method in the deepest network that is tried."""
    return max(count_layers(config, method, problem_of(config, one)) for one in architectures(config.space(method)))


def _layers(config: StudyConfig, method: str) -> Layers:
    implementation, space = config.implementation(method), config.space(method)
    tried = architectures(space)
    counts = [count_layers(config, method, problem_of(config, arguments)) for arguments in tried]
    most = max(counts)
    validate(implementation, space, most)
    # Where the parameters are the same in all networks none has to be built to ask for a trial.
    if len({_written(config, method, count) for count in counts}) == 1:
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

    setting = Setting(len(where.dataset.train), 1, config.epochs - config.polish, config.epochs)
    return len(method_class(config.implementation(method))(where.graph, setting).layers)


def _written(config: StudyConfig, method: str, layers: int) -> str:
    """The parameters of a method in a network with so many layers, in words."""
    try:
        found = parameters(config.implementation(method), config.space(method), layers)
    except Mistakes as wrong:  # settings of layers that this network does not have
        return str(wrong)
    return _key({parameter.name: str(parameter.domain) for parameter in found})


def _key(arguments: Mapping[str, Any]) -> str:
    return json.dumps(dict(arguments), sort_keys=True)
