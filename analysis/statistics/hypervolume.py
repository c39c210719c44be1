"""Hypervolume of a front, as the share of a stated box, and how its order of methods depends on the box."""

from collections.abc import Sequence
from dataclasses import replace

import moocore
import numpy as np
import pandas as pd

from analysis.axes import Points, axes_of
from analysis.palette import in_order
from analysis.statistics.definitions import (
    BASELINE,
    DEFAULT,
    Reference,
    configurations,
    front_mask,
    reference_of,
    runs,
)
from study.directory import StudyError


def hypervolume(
    trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT, *, reference: Reference | None = None
) -> float:
    """Share of the box between ideal and worst that the trials dominate, from 0 to 1.

    HV = volume(union over trials of [z, 1]) with z the normalised objectives; values worse than the reference
    add nothing, values better than the ideal count as the ideal (Zitzler & Thiele 1998).

    Args:
        trials: any trials; those that may not be on a front are ignored.
        reference: the box; by default that of `analysis.reference_of(trials, objectives)`.
    """
    box = reference or reference_of(trials, objectives)
    if box.objectives != tuple(objectives):
        raise StudyError(f"expected a reference for {tuple(objectives)}, got one for {box.objectives}")
    rows = configurations(trials)
    return volume(box.normalise(rows[front_mask(rows, objectives)]))


def rank_stability(
    trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT, *, floors: Sequence[float] | None = None
) -> pd.DataFrame:
    """The methods' order by hypervolume, in boxes that end at other scores: columns floor, method, hypervolume, rank.

    What the floor is was chosen by nobody who trained the networks: an order that changes with it is no finding. Of
    several searches the hypervolume is their mean.

    Args:
        objectives: a score and counts.
        floors: worst scores; by default five from that of the default box to the median on the fronts, evenly spaced.
    """
    axes = axes_of(objectives)
    place = next((index for index, axis in enumerate(axes) if axis.is_score), None)
    if place is None:
        raise StudyError(f"expected a score among the objectives, got {tuple(objectives)}")
    box, rows = reference_of(trials, objectives), configurations(trials)
    names = [name for name in in_order(rows["method"].unique()) if name != BASELINE]
    fronts: dict[str, list[pd.DataFrame]] = {name: [] for name in names}
    for name in names:
        own = rows[rows["method"] == name]
        fronts[name] += [run[front_mask(run, objectives)] for _, run in own.groupby(runs(own))]
    if floors is None:
        each = [front[axes[place].column].to_numpy() for of_method in fronts.values() for front in of_method]
        scores = np.concatenate([np.empty(0), *each])
        floors = np.linspace(box.worst[place], np.median(scores), 5).tolist() if len(scores) else ()
        floors = list(dict.fromkeys(floors))
    parts = []
    for floor in floors:
        worst = (*box.worst[:place], float(floor), *box.worst[place + 1 :])
        box_of = replace(box, worst=worst)
        volumes = {name: np.mean([volume(box_of.normalise(one)) for one in found]) for name, found in fronts.items()}
        values = pd.Series(volumes, dtype=np.float64)
        ranks = values.rank(ascending=False, method="min").astype(int)
        parts.append(pd.DataFrame({"floor": floor, "method": names, "hypervolume": values.array, "rank": ranks.array}))
    columns = ["floor", "method", "hypervolume", "rank"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def volume(unit: Points) -> float:
    """Hypervolume of normalised points (n, m) against (1, ..., 1)."""
    return float(moocore.hypervolume(np.clip(unit, 0.0, 1.0), ref=1.0)) if len(unit) else 0.0
