"""How good points are in several objectives of which some are noisy. All losses: less is better."""

from __future__ import annotations

import moocore
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_DRAWS = 64
"""Of the noise; with so many the mean rank of a lane is known to an eighth of what one draw scatters."""
_NORMAL = 1.4826
"""Standard deviations in the median absolute deviation of normal numbers."""
_REFERENCE = 1.1
"""Of hypervolumes, in units of the points' ranges: what lies at the end of a front counts, too."""


def expected_rank(losses: Points, noise: Points) -> Points:
    """The front that each point is on by non-dominated sorting, 0 the first, averaged over what the noise could hide.

    Point i was seen at ``losses[i]`` and could as well have been at ``losses[i] + noise * normal``. So a point that one
    with a hardly better score dominates is nearly as good; one that is far behind, or behind many, is not. Without
    noise it is the rank of Deb et al. (2002). The same numbers in the same order give the same ranks.

    Args:
        losses: (n, m), finite.
        noise: (m,), standard deviations; 0 where a value is exact.

    Reference: ranking under noise by the probability of dominance: Hughes, EMO 2001; Teich, EMO 2001.
    """
    if not len(losses) or not noise.any():
        return np.asarray(moocore.pareto_rank(losses), float) if len(losses) else np.zeros(0)
    draws = np.random.default_rng(0).standard_normal((len(losses), _DRAWS, losses.shape[1]))  # a lane's stay its own
    ranks = [moocore.pareto_rank(losses + noise * draws[:, draw]) for draw in range(_DRAWS)]
    return np.asarray(np.mean(ranks, axis=0), float)


def hypervolume_contributions(losses: Points, ranks: Points) -> Points:
    """What the hypervolume of its front loses without the point, in the box of all points.

    Args:
        losses: (n, m), finite.
        ranks: (n,), equal for the points of one front.
    """
    low, high = losses.min(axis=0), losses.max(axis=0)
    unit = (losses - low) / np.where(high > low, high - low, 1.0)
    found = np.zeros(len(losses))
    for rank in np.unique(ranks):
        front = ranks == rank
        found[front] = moocore.hv_contributions(unit[front], ref=np.full(unit.shape[1], _REFERENCE))
    return found


def scatter(values: Points, like: Points) -> float:
    """The standard deviation of values among points alike, next to each other by `like`; outliers do not count.

    Args:
        values: (n,) of a noisy objective.
        like: (n, k) of exact ones, the first decides.
    """
    if len(values) < 3 or not like.shape[1]:
        return 0.0
    order = np.lexsort(like.T[::-1])
    steps = np.abs(np.diff(values[order]))
    return float(_NORMAL * np.median(steps) / np.sqrt(2.0))
