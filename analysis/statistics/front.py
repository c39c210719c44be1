"""Pareto fronts: which trials may be on one, and which are."""

from collections.abc import Sequence
from typing import Any

import moocore
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.axes import Points, axes_of, expect_frame, minimised
from study.directory import StudyError

DEFAULT = ("accuracy", "neurons")


def excluded(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> "pd.Series[Any]":
    """Why each trial must stay off every front; empty for the admissible ones.

    A trial is admissible when its status is COMPLETE and all its objectives are finite. The reason is the
    status, or "accuracy missing" (NaN or null) or "accuracy infinite" for the first such objective.
    """
    axes = axes_of(objectives)
    why: pd.Series[Any] = trials["status"].astype("category").cat.rename_categories({"COMPLETE": ""}).rename("excluded")
    for axis, column in zip(axes, minimised(trials, axes).T, strict=True):
        for word, bad in (("missing", np.isnan(column)), ("infinite", np.isinf(column))):
            label = f"{axis.name} {word}"
            why = why.cat.add_categories(label).mask((why == "") & bad, label)
    return why


def admissible(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> NDArray[np.bool_]:
    """Mask (n,) of the trials that may be on a front: complete, with finite objectives."""
    return _finite(candidates(trials, objectives))


def candidates(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> Points:
    """Minimised objective vectors (n, m), NaN where a trial is not complete."""
    points = minimised(trials, axes_of(objectives))
    if "status" not in trials:
        raise StudyError("trials: expected a frame of analysis.load, but it has no column 'status'")
    points[(trials["status"] != "COMPLETE").to_numpy(dtype=bool)] = np.nan
    return points


def left_out(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> pd.DataFrame:
    """How many trials stay off the fronts and why: columns study, method, why, reason, trials.

    `why` is the category of `excluded`, `reason` the text the trial itself recorded.
    """
    why = excluded(trials, objectives).astype(str)
    keys = trials[["study", "method"]].assign(why=why, reason=trials["reason"].fillna(""))[why != ""]
    return keys.astype(str).value_counts(sort=False).rename("trials").reset_index()


def nondominated(points: Points) -> NDArray[np.bool_]:
    """Mask (n,) of the rows of minimised `points` (n, m) that no other row dominates.

    x dominates y when x <= y in every objective and x < y in one, so equal rows do not dominate each other
    and all of them stay: the answer does not depend on the order of the rows. Rows with NaN or infinities
    are out.
    """
    # moocore lets NaN through (and lets it dominate), so only finite rows may reach it.
    rows = np.flatnonzero(_finite(points))
    rows = rows[_contenders(points[rows])]
    mask = np.zeros(len(points), dtype=bool)
    mask[rows] = moocore.is_nondominated(points[rows], keep_weakly=True)
    return mask


_PIVOTS = 4


def _contenders(points: Points) -> NDArray[np.int_]:
    """The rows of finite points (n, m) that are not worse in every objective than one of a few points.

    These few are those with the largest boxes behind them. In all but odd cases next to no rows are left to compare.
    """
    rows, columns = np.arange(len(points)), points.T.copy()
    if len(rows) <= _PIVOTS:
        return rows
    with np.errstate(over="ignore", invalid="ignore"):
        volumes = np.prod([column.max() - column for column in columns], axis=0)
    for pivot in points[np.argpartition(-volumes, _PIVOTS)[:_PIVOTS]]:
        stays = np.logical_or.reduce([column <= value for column, value in zip(columns, pivot, strict=True)])
        rows, columns = rows[stays], columns[:, stays]
    return rows


def _finite(points: Points) -> NDArray[np.bool_]:
    """Mask (n,) of the rows without NaN and infinities; by columns, which are few and long."""
    mask: NDArray[np.bool_] = np.logical_and.reduce([np.isfinite(column) for column in points.T])
    return mask


def front_mask(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> NDArray[np.bool_]:
    """Mask (n,) of the admissible trials that no other admissible trial dominates."""
    return nondominated(candidates(trials, objectives))


def pareto(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT, *, by: str | None = None) -> pd.DataFrame:
    """The non-dominated trials, best value of the first objective first.

    FAILED and NOT_EQUIVALENT trials and those with a missing or infinite objective are never on a front
    (`left_out` counts them). Trials with the same objectives are all kept; `distinct` drops the repetitions.

    Args:
        trials: frame of `analysis.load`.
        objectives: names in study.directory.OBJECTIVES, which has their directions.
        by: a column, such as "method": one front for each of its values instead of one over all.
    """
    expect_frame(trials)
    if by is not None:
        if by not in trials:
            raise StudyError(f"by: expected a column of the trials, such as method, but got {by!r}")
        fronts = [pareto(group, objectives) for _, group in trials.groupby(by, observed=True)]
        return pd.concat(fronts) if fronts else trials.iloc[:0]
    points = candidates(trials, objectives)
    rows = np.flatnonzero(nondominated(points))
    return trials.iloc[rows[np.lexsort(points[rows].T[::-1])]]


def distinct(front: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> pd.DataFrame:
    """One trial (the first) for each objective vector."""
    return front.drop_duplicates([axis.column for axis in axes_of(objectives)])
