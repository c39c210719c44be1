"""How the trials of each method's packs train under `vectorize: auto`, stacked or one after the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from study.config import StudyConfig
from study.rehearsal.middle import middle_trials
from study.rehearsal.networks import count_layers, networks, problem_of, scale_of

if TYPE_CHECKING:
    from trainables.rehearsal import Stacking

SECONDS = 1.0
"""That the tries of a study aim at, together. They take about this and the making of the networks."""


def stackings(config: StudyConfig, width: int, methods: Collection[str] | None = None) -> dict[str, Stacking]:
    """Of each method, by trying both ways (`trainables.rehearsal.stacking`); methods of one family share the answer.

    Where the study says itself how trials train there is nothing to choose. Where trials have networks of their own,
    each worker goes by their size (`trainables.training.stacked`), unless one of them cannot be stacked.

    Args:
        width: of the study's packs.
        methods: only these.
    """
    from trainables.rehearsal import Stacking, family, stacking
    from trainables.training import obstacle

    asked = [method for method in config.methods if methods is None or method in methods]
    if config.pack.vectorize != "auto":
        return {}
    import torch

    tried = networks(config)
    if len(tried) > 1:
        reasons = [reason for one in tried if (reason := obstacle(problem_of(config, one)))]
        return {method: Stacking(False, why=f"torch cannot stack them ({reasons[0]})") for method in asked if reasons}
    (arguments,) = tried
    where = problem_of(config, arguments)
    scale = scale_of(config, where)
    resources = config.resources
    device = torch.device("cuda" if resources.gpus_per_worker else "cpu")
    threads = max(1, int(resources.cpus_per_worker))
    families = {method: family(config.implementation(method)) for method in asked}
    found: dict[str, Stacking] = {}
    for method, name in families.items():
        if name not in found:
            layers = count_layers(config, method, where)
            parameters = middle_trials(config, method, arguments, replace(scale, layers=layers))
            share = SECONDS / len(set(families.values()))
            implementation, recipe = config.implementation(method), config.recipe(method)
            found[name] = stacking(where, implementation, recipe, parameters, width, device, threads, share)
    return {method: found[name] for method, name in families.items()}


def described(found: Mapping[str, Stacking]) -> list[str]:
    """A line for each of the answers, with its methods."""
    by_answer: dict[str, list[str]] = {}
    for method, one in found.items():
        by_answer.setdefault(str(one), []).append(method)
    return [f"{', '.join(methods)}: {answer}" for answer, methods in by_answer.items()]
