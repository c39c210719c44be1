"""Hypervolume as a search goes on: over trials, over training time, over wall time."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.axes import Points
from analysis.palette import in_order
from analysis.statistics.definitions import (
    CONFIGURATION,
    DEFAULT,
    Reference,
    admissible,
    configurations,
    reference_of,
    runs,
)
from analysis.statistics.dominance import nondominated
from analysis.statistics.hypervolume import volume
from study.directory import StudyError

Budget = Literal["trials", "train_seconds", "wall_seconds"]


def spent(trials: pd.DataFrame, over: Budget = "trials") -> NDArray[np.float64]:
    """What had been spent when each of these trials was done, failed ones included.

    "trials": its place in the order of trial numbers. "train_seconds": the sum of its and all earlier trials'
    training times, whatever ran in parallel. "wall_seconds": since the first trial of the frame finished.
    """
    if over == "wall_seconds":
        finished = trials["finished_at"]
        return np.asarray((finished - finished.min()).dt.total_seconds(), dtype=np.float64)
    if over not in ("trials", "train_seconds"):
        raise StudyError(f"expected trials, train_seconds or wall_seconds, got {over!r}")
    number = trials["number"].to_numpy()
    # Of several searches the first trials, then the second ones: each goes on as if alone.
    order = np.lexsort((runs(trials).to_numpy(), number)) if "search" in trials else np.argsort(number, kind="stable")
    each = np.ones(len(trials)) if over == "trials" else trials["train_seconds"].fillna(0.0).to_numpy(np.float64)
    total = np.empty(len(trials))
    total[order] = np.cumsum(each[order])
    return total


def trajectory(
    trials: pd.DataFrame,
    objectives: Sequence[str] = DEFAULT,
    *,
    over: Budget = "trials",
    reference: Reference | None = None,
    points: int = 200,
) -> pd.DataFrame:
    """Hypervolume of each method's trials so far: columns method, `over`, hypervolume.

    Args:
        over: what counts as progress; see `spent`.
        reference: one box for all methods; by default that of `analysis.reference_of`.
        points: at most so many values per method, evenly spread over its trials, the last one included.
    """
    box = reference or reference_of(trials, objectives)
    parts = []
    for method in in_order(trials["method"].unique()):
        group = trials[trials["method"] == method]
        # A configuration is known once the last of its seeds is done.
        group = group.assign(_spent=spent(group, over)).sort_values("_spent", kind="stable")
        rows = configurations(group)
        progress = _until(group)
        order = np.argsort(progress, kind="stable")
        unit = box.normalise(rows)[order]
        unit[~admissible(rows, objectives)[order]] = np.nan
        stops = np.unique(np.linspace(len(rows), 1, min(points, len(rows))).round().astype(int))
        volumes = _running(unit, stops)
        parts.append(pd.DataFrame({"method": method, over: progress[order][stops - 1], "hypervolume": volumes}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["method", over, "hypervolume"])


def _until(group: pd.DataFrame) -> NDArray[np.float64]:
    """What had been spent when each configuration was done, in the order of `configurations`."""
    if "configuration" not in group or "seeds" in group:
        return group["_spent"].to_numpy(np.float64)
    keys = [name for name in CONFIGURATION if name in group]
    return group.groupby(keys, observed=True, sort=False)["_spent"].max().to_numpy(np.float64)


def _running(unit: Points, stops: NDArray[np.int_]) -> list[float]:
    """Hypervolume of the first `stop` rows for each stop, the front updated by the rows in between."""
    volumes = []
    front, start = unit[:0], 0
    for stop in stops:
        front = np.concatenate([front, unit[start:stop]])
        front = np.unique(front[nondominated(front)], axis=0)
        volumes.append(volume(front))
        start = stop
    return volumes
