"""Empirical attainment: what share of a method's searches reached a point or better."""

from collections.abc import Sequence

import moocore
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.axes import Axis, Points, axes_of, minimised
from analysis.palette import in_order
from analysis.statistics.definitions import DEFAULT, configurations, front_mask, runs
from study.directory import StudyError

LEVELS = (25, 50, 75)


def attainment(
    trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT, *, levels: Sequence[int] = LEVELS
) -> pd.DataFrame:
    """Attainment surfaces: columns method, runs, level, and one per objective in stored units.

    The rows of a level are the corners of the region that at least `level` % of the searches (`runs`) attain (weakly
    dominate with some configuration). With one search there is no uncertainty to show: all levels would be its front,
    and only level 50 is given. By moocore (Fonseca et al. 2011).

    Args:
        objectives: two or three.
    """
    axes = axes_of(objectives)
    if len(axes) not in (2, 3):
        raise StudyError(f"objectives: expected two or three objectives, but got {tuple(objectives)}")
    parts = []
    for method in in_order(trials["method"].unique()):
        points, sets = fronts_by_run(trials[trials["method"] == method], objectives)
        count = len(np.unique(sets))
        if count:
            chosen = tuple(levels) if count > 1 else (50,)
            surface = moocore.eaf(points, sets, percentiles=chosen)
            parts.append(_frame(method, count, surface, axes))
    if not parts:
        return pd.DataFrame(columns=["method", "runs", "level", *(axis.column for axis in axes)])
    return pd.concat(parts, ignore_index=True)


def attainment_difference(
    trials: pd.DataFrame, one: str, other: str, objectives: Sequence[str] = DEFAULT
) -> pd.DataFrame:
    """Where one method attains more often than another: one row per corner (x, y) of the grid of both fronts.

    Columns: the two objectives in stored units; `one` and `other`, the share of each method's searches with a
    configuration at least as good in both objectives; `difference` = one - other. Each value holds from its corner to
    the next worse one in both objectives. (moocore's eafdiff expects equal numbers of runs.)

    Raises:
        ValueError: not two objectives, or a method without admissible trials.
    """
    axes = axes_of(objectives)
    if len(axes) != 2:
        raise StudyError(f"objectives: expected two objectives, but got {tuple(objectives)}")
    pairs = [fronts_by_run(trials[trials["method"] == method], objectives) for method in (one, other)]
    for method, (points, _) in zip((one, other), pairs, strict=True):
        if not len(points):
            raise StudyError(f"method {method!r} has no admissible trial (expected two methods of the frame)")
    x, y = (np.unique(column) for column in np.concatenate([points for points, _ in pairs]).T)
    shares = [_shares(points, sets, x, y) for points, sets in pairs]
    sign = [-1.0 if axis.maximise else 1.0 for axis in axes]
    return pd.DataFrame(
        {
            axes[0].column: np.repeat(x * sign[0], len(y)),
            axes[1].column: np.tile(y * sign[1], len(x)),
            "one": shares[0].ravel(),
            "other": shares[1].ravel(),
            "difference": (shares[0] - shares[1]).ravel(),
        }
    )


def fronts_by_run(trials: pd.DataFrame, objectives: Sequence[str]) -> tuple[Points, NDArray[np.int_]]:
    """Minimised points (n, m) of the front of each search, and the search of each point."""
    axes = axes_of(objectives)
    groups = [configurations(group) for _, group in trials.groupby(runs(trials))]
    fronts = [minimised(group[front_mask(group, objectives)], axes) for group in groups]
    sets = np.repeat(np.arange(len(fronts)), [len(front) for front in fronts])
    return np.concatenate([np.empty((0, len(axes))), *fronts]), sets


def _shares(points: Points, sets: NDArray[np.int_], x: Points, y: Points) -> Points:
    """Share of the sets that attain each corner of the grid: (len(x), len(y))."""
    names = np.unique(sets)
    total = np.zeros((len(x), len(y)))
    for name in names:
        front = points[sets == name]
        front = front[np.argsort(front[:, 0])]
        # The best y among the points that are no worse than x.
        best = np.append(np.inf, np.minimum.accumulate(front[:, 1]))
        reached = best[np.searchsorted(front[:, 0], x, side="right")]
        total += reached[:, None] <= y[None, :]
    return total / len(names)


def _frame(method: str, count: int, surface: Points, axes: Sequence[Axis]) -> pd.DataFrame:
    values = {axis.column: surface[:, index] * (-1.0 if axis.maximise else 1.0) for index, axis in enumerate(axes)}
    return pd.DataFrame({"method": method, "runs": count, "level": surface[:, -1].astype(int), **values})
