"""How sure is it that one method is better than another, for the same budget?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.axes import Points
from analysis.statistics.front import DEFAULT, front_mask
from analysis.statistics.hypervolume import Reference, reference_of, volume
from analysis.statistics.runs import runs
from analysis.statistics.trajectory import Budget, spent
from study.directory import StudyError


def superiority(
    trials: pd.DataFrame,
    one: str,
    other: str,
    *,
    budgets: Sequence[float],
    over: Budget = "trials",
    objectives: Sequence[str] = DEFAULT,
    reference: Reference | None = None,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """For each budget, how often a run of one method beats a run of the other: one line per budget.

    Columns: budget; runs_one, runs_other; dominates = P(every point of the other's front is weakly dominated,
    and the fronts differ); dominated, the same the other way round; better = P(larger hypervolume) +
    P(equal) / 2, the probability of superiority over all pairs of runs (Vargha & Delaney 2000); low and high,
    the percentile bootstrap interval of `better` over runs of both methods, NaN where one has a single run.

    Args:
        budgets: what a run may spend, in the unit of `over` (see analysis.spent).
    """
    box = reference or reference_of(trials, objectives)
    known = set(trials["method"])
    for method in (one, other):
        if method not in known:
            raise StudyError(f"expected a method out of {sorted(known)}, got {method!r}")
    groups = [_runs_of(trials[trials["method"] == method], over) for method in (one, other)]
    lines = []
    for budget in budgets:
        a, b = ([_front(run[cost <= budget], objectives, box) for run, cost in group] for group in groups)
        better = np.array([[_wins(volume(x), volume(y)) for y in b] for x in a])
        low, high = _interval(better, level, draws, seed)
        lines.append(
            {
                "budget": budget,
                "runs_one": len(a),
                "runs_other": len(b),
                "dominates": float(np.mean([[dominates(x, y) for y in b] for x in a])),
                "dominated": float(np.mean([[dominates(y, x) for y in b] for x in a])),
                "better": float(better.mean()),
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(lines)


def dominates(one: Points, other: Points) -> bool:
    """Whether each point of the other front is weakly dominated by one of this, and not the reverse."""
    return _covers(one, other) and not _covers(other, one)


def _covers(one: Points, other: Points) -> bool:
    return bool((one[:, None] <= other[None]).all(axis=2).any(axis=0).all()) if len(one) else not len(other)


def _wins(one: float, other: float) -> float:
    return 0.5 if one == other else float(one > other)


def _runs_of(trials: pd.DataFrame, over: Budget) -> list[tuple[pd.DataFrame, NDArray[np.float64]]]:
    return [(group, spent(group, over)) for _, group in trials.groupby(runs(trials))]


def _front(trials: pd.DataFrame, objectives: Sequence[str], box: Reference) -> Points:
    return box.normalise(trials[front_mask(trials, objectives)])


def _interval(wins: Points, level: float, draws: int, seed: int) -> tuple[float, float]:
    rows, columns = wins.shape
    if min(rows, columns) < 2:
        return np.nan, np.nan
    random = np.random.default_rng(seed)
    one = random.integers(rows, size=(draws, rows, 1))
    other = random.integers(columns, size=(draws, 1, columns))
    low, high = np.quantile(wins[one, other].mean(axis=(1, 2)), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
