"""Methods over several data sets: ranks, what tells them apart, wins and losses (Demsar 2006).

A score is one number per data set and method; everywhere rows are sets and columns are methods.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from analysis.statistics.tests import holm
from study.directory import StudyError


def ranks(scores: pd.DataFrame, *, maximise: bool = True) -> pd.DataFrame:
    """Rank of each method on each set, 1 for the best, the mean of the places where several are equal."""
    return _complete(scores).rank(axis=1, ascending=not maximise, method="average")


def friedman(scores: pd.DataFrame) -> float:
    """p of Friedman's test that all methods rank alike; NaN for fewer than three methods or two sets."""
    from scipy.stats import friedmanchisquare

    values = _complete(scores).to_numpy(np.float64)
    if values.shape[0] < 2 or values.shape[1] < 3:
        return np.nan
    if (np.ptp(values, axis=1) == 0).all():
        return 1.0
    return float(friedmanchisquare(*values.T).pvalue)


def wilcoxon_holm(scores: pd.DataFrame) -> pd.DataFrame:
    """Every two methods: columns one, other, p (Wilcoxon's signed ranks, exact where it can be) and adjusted (Holm).

    Of n sets no p is below 2 ** (1 - n): five sets can tell no two methods apart at 5 %.
    """
    from scipy.stats import wilcoxon

    values = _complete(scores)
    lines = []
    for one, other in combinations(values.columns, 2):
        apart = (values[one] - values[other]).to_numpy(np.float64)
        apart = apart[apart != 0]
        p = float(wilcoxon(apart).pvalue) if len(apart) else 1.0
        lines.append({"one": one, "other": other, "p": p})
    found = pd.DataFrame(lines, columns=["one", "other", "p"])
    return found.assign(adjusted=holm(found["p"]) if len(found) else [])


def critical_difference(methods: int, sets: int, alpha: float = 0.05) -> float:
    """Nemenyi's: average ranks that are further apart differ, q_alpha sqrt(k (k + 1) / (6 n)) for k methods, n sets.

    q_alpha is the studentised range's quantile for infinite degrees of freedom over sqrt(2).
    """
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - alpha, methods, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(methods * (methods + 1) / (6 * sets)))


def alike(average: pd.Series[float], pairs: pd.DataFrame, alpha: float = 0.05) -> tuple[tuple[str, ...], ...]:
    """The largest groups of methods next to each other in rank of which no test tells any two apart.

    Args:
        average: average rank by method.
        pairs: of `wilcoxon_holm`.
    """
    ordered = [str(name) for name in average.sort_values(kind="stable").index]
    apart = {frozenset((line.one, line.other)) for line in pairs[pairs["adjusted"] <= alpha].itertuples()}
    groups: list[tuple[str, ...]] = []
    for start in range(len(ordered)):
        end = start + 1
        while end < len(ordered) and not any(frozenset((ordered[end], one)) in apart for one in ordered[start:end]):
            end += 1
        if end - start > 1 and not any(set(ordered[start:end]) <= set(group) for group in groups):
            groups.append(tuple(ordered[start:end]))
    return tuple(groups)


def win_tie_loss(scores: pd.DataFrame, against: str, *, maximise: bool = True, margin: float = 0.0) -> pd.DataFrame:
    """Of each other method, on how many sets it is better, equal (within `margin`) and worse: win, tie, loss.

    Raises:
        ValueError: no such method.
    """
    values = _complete(scores)
    if against not in values:
        raise StudyError(f"against: expected one of {', '.join(map(str, values.columns))}, but got {against!r}")
    gains = values.drop(columns=against).sub(values[against], axis=0) * (1.0 if maximise else -1.0)
    win, loss = (gains > margin).sum(), (gains < -margin).sum()
    return pd.DataFrame(
        {"method": gains.columns, "win": win, "tie": len(gains) - win - loss, "loss": loss}
    ).reset_index(drop=True)


def _complete(scores: pd.DataFrame) -> pd.DataFrame:
    """The methods that have a score on every set: a rank among others than the others' would mean nothing."""
    found = scores.dropna(axis=1)
    if found.empty:
        raise StudyError("scores: expected at least one method with a score on every set")
    return found
