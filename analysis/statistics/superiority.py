"""How sure is it that one method is better than another, for the same budget, given several searches of both?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.axes import Points
from analysis.statistics.definitions import DEFAULT, Reference, configurations, front_mask, reference_of, runs
from analysis.statistics.hypervolume import volume
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
) -> pd.DataFrame:
    """For each budget, how often a search of one method beats a search of the other: one line per budget.

    Columns: budget; runs_one, runs_other; dominates = share of the pairs of searches in which every point of the
    other's front is weakly dominated, and the fronts differ; dominated, the same the other way round; better = share of
    the pairs with the larger hypervolume, ties half (Vargha & Delaney 2000), and its interval low and high; p, of the
    exact permutation test that both are alike, two-sided. Interval and p are NaN where a method has a single search.

    The interval is that of Clopper and Pearson for as many independent pairs as the smaller number of searches: all
    pairs together know at least as much, so it covers at least as often as it says, and of three searches that all win
    it says [0.29, 1].

    Args:
        budgets: what a search may spend, in the unit of `over` (see analysis.spent).
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
        volumes = [np.array([volume(front) for front in fronts]) for fronts in (a, b)]
        better = float(_wins(*volumes).mean())
        low, high = share_interval(better, min(len(a), len(b)), level)
        lines.append(
            {
                "budget": budget,
                "runs_one": len(a),
                "runs_other": len(b),
                "dominates": float(np.mean([[dominates(x, y) for y in b] for x in a])),
                "dominated": float(np.mean([[dominates(y, x) for y in b] for x in a])),
                "better": better,
                "low": low,
                "high": high,
                "p": permutation_p(*volumes),
            }
        )
    return pd.DataFrame(lines)


def dominates(one: Points, other: Points) -> bool:
    """Whether each point of the other front is weakly dominated by one of this, and not the reverse."""
    return _covers(one, other) and not _covers(other, one)


def _covers(one: Points, other: Points) -> bool:
    return bool((one[:, None] <= other[None]).all(axis=2).any(axis=0).all()) if len(one) else not len(other)


def _wins(one: Points, other: Points) -> Points:
    """(n, m): 1 where a value of the first is larger, 1/2 where they are equal."""
    return np.asarray((np.sign(one[:, None] - other[None]) + 1) / 2)


def share_interval(share: float, pairs: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share of so many independent pairs; it need not be of a whole number."""
    from scipy.stats import beta

    if pairs < 2:
        return np.nan, np.nan
    won, tail = share * pairs, (1 - level) / 2
    low = float(beta.ppf(tail, won, pairs - won + 1)) if won > 0 else 0.0
    high = float(beta.ppf(1 - tail, won + 1, pairs - won)) if won < pairs else 1.0
    return low, high


def permutation_p(one: Points, other: Points) -> float:
    """Two-sided p of the exact permutation test with the number of pairs won as its statistic; NaN of single values.

    Of more than 200,000 ways to permute so many are drawn at random.
    """
    from scipy.stats import permutation_test

    if min(len(one), len(other)) < 2:
        return np.nan
    found = permutation_test(
        (one, other),
        lambda x, y: float(_wins(np.asarray(x), np.asarray(y)).mean() - 0.5),
        permutation_type="independent",
        n_resamples=200_000 if len(one) + len(other) <= 20 else 9_999,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)


def _runs_of(trials: pd.DataFrame, over: Budget) -> list[tuple[pd.DataFrame, NDArray[np.float64]]]:
    return [(group, spent(group, over)) for _, group in trials.groupby(runs(trials))]


def _front(trials: pd.DataFrame, objectives: Sequence[str], box: Reference) -> Points:
    rows = configurations(trials)
    return box.normalise(rows[front_mask(rows, objectives)])
