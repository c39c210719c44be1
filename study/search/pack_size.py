"""How many trials train together, where the study leaves that open."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainables.declarations import declared

if TYPE_CHECKING:
    from study.config import StudyConfig

MOST = 16
"""Above that a trial of a stack costs hardly less on processors (benchmarks/step_speed.py), and the sampler learns less
often."""

ROUNDS = 8
"""Packs that every method has at least where they are wider than MOST: samplers learn between packs. Controls aside."""


def pack_size(config: StudyConfig, workers: int, most: int = MOST) -> int:
    """The study's pack size; for ``auto`` what was chosen, or so small that every worker has a pack.

    On processors a function of budget and workers alone: what a sampler has seen when it is asked depends on the packs,
    so that a measured speed would make a study that is run twice two studies. On GPUs, whose best width is another for
    every network, it is measured once, and kept with the study.

    Args:
        workers: packs in training at once.
        most: trials that train together at the device's best.
    """
    if config.pack.size != "auto":
        return config.pack.size
    if config.pack.chosen is not None:
        return config.pack.chosen
    budgets = {method: config.budget(method) for method in config.methods}
    sampled = [budget for method, budget in budgets.items() if not _is_control(config, method)]
    rounds = min(sampled or budgets.values()) // config.searches // ROUNDS
    return min(most, max(MOST, rounds), math.ceil(sum(budgets.values()) / workers))


def _is_control(config: StudyConfig, method: str) -> bool:
    """Of controls there are few trials, and not for a sampler to learn from."""
    return declared(config.implementation(method)).kind == "control"
