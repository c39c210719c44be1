"""How many trials train together, where the study leaves that open."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from study.config import StudyConfig

MOST = 16
"""Above that a trial of a stack costs hardly less (benchmarks/step_speed.py), and the sampler learns less often."""


def pack_size(config: StudyConfig, workers: int) -> int:
    """The study's pack size; for ``auto`` what was chosen, or so small that every worker has a pack, and at most MOST.

    A function of budget and workers alone: what a sampler has seen when it is asked depends on the packs, so that a
    measured speed would make a study that is run twice two studies.

    Args:
        workers: packs in training at once.
    """
    if config.pack.size != "auto":
        return config.pack.size
    if config.pack.chosen is not None:
        return config.pack.chosen
    trials = sum(config.budget(method) for method in config.methods)
    return min(MOST, math.ceil(trials / workers))
