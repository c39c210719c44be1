"""Which trials a page shows when there are too many for one: every point of every front, and a sample of the rest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.statistics import admissible, front_members


@dataclass(frozen=True)
class Thinned:
    """What is shown of a study's trials.

    Attributes:
        rows: (n,) mask of the trials shown.
        dominated, dominated_shown: admissible trials that are on no front, and how many of them are shown.
        failed, failed_shown: trials that may be on no front, and how many of them are shown.
    """

    rows: NDArray[np.bool_]
    dominated: int
    dominated_shown: int
    failed: int
    failed_shown: int


def thin(
    trials: pd.DataFrame,
    objectives: Sequence[Sequence[str]],
    *,
    limit: int = 5000,
    failures: int = 200,
    seed: int = 0,
) -> Thinned:
    """All distinct points of the fronts of every study and method, and of the rest at most `limit`, drawn at random.

    Of trials with the same objectives one stands for all: it keeps its place on the front, the others count as
    dominated. Every study and method keeps its share of the dominated trials.

    Args:
        objectives: the sets of objectives that are shown; each has its own fronts.
    """
    fronts = np.zeros(len(trials), dtype=bool)
    usable = np.zeros(len(trials), dtype=bool)
    places = pd.Series(np.arange(len(trials)), index=trials.index)
    groups = [places[group.index].to_numpy() for _, group in trials.groupby(["study", "method"], observed=True)]
    for names in objectives:
        usable |= admissible(trials, names)
        for rows in groups:
            own = trials.iloc[rows].reset_index(drop=True)
            fronts[rows[front_members(own, names)]] = True
    random = np.random.default_rng(seed)
    cloud, shown = usable & ~fronts, fronts.copy()
    share = min(1.0, limit / max(int(cloud.sum()), 1))
    for rows in groups:
        shown[_drawn(rows[cloud[rows]], share, random)] = True
    dominated_shown = int((shown & cloud).sum())
    failed = np.flatnonzero(~usable)
    some = _drawn(failed, min(1.0, failures / max(len(failed), 1)), random)
    shown[some] = True
    return Thinned(shown, int(cloud.sum()), dominated_shown, len(failed), len(some))


def _drawn(rows: NDArray[np.int_], share: float, random: np.random.Generator) -> NDArray[np.int_]:
    return rows if share >= 1.0 else random.choice(rows, int(share * len(rows)), replace=False)
