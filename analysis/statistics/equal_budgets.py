"""What a method reaches with n of its trials, so that methods with other budgets, or stopped ones, compare.

n of N configurations are drawn without replacement. What the best of them is has a closed form: nothing is simulated. A
sampler that learns finds its good trials late: drawn in any order they look as if found at random, for all alike.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.axes import axes_of
from analysis.palette import in_order
from analysis.statistics.definitions import (
    BASELINE,
    KEPT,
    admissible,
    baseline,
    baseline_of_search,
    configurations,
    runs,
)
from analysis.statistics.effort import epochs_trained

LEVELS = (0.05, 0.95)
COLUMNS = [
    *("method", "drawn", "trials", "epochs", "best", "best_low", "best_high"),
    *("share", "share_low", "share_high", "reached"),
]


def order_weights(total: int, drawn: int) -> NDArray[np.float64]:
    """P(the k-th best of `total` is the best of `drawn` that are drawn without replacement), for k = 1 .. total.

    C(total - k, drawn - 1) / C(total, drawn).
    """
    left = total - np.arange(1, total + 1)
    logs = np.where(left >= drawn - 1, _log_choose(left, drawn - 1) - _log_choose(total, drawn), -np.inf)
    return np.asarray(np.exp(logs))


def _log_choose(n: NDArray[np.int_] | int, k: int) -> NDArray[np.float64]:
    """log C(n, k); of anything where k > n."""
    from scipy.special import gammaln  # slow to import

    n = np.maximum(n, k)
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0))


def equal_budgets(
    trials: pd.DataFrame,
    *,
    score: str = "accuracy",
    count: str = "neurons",
    kept: float = KEPT,
    budgets: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Expected best score and smallest share of the dense count when only so many configurations had been tried.

    One line per method and number: drawn (configurations), trials and epochs they cost on average; best, the expected
    best validation score, and the 5 % and 95 % quantiles over the draws; share, the expected share that the smallest
    network at `kept` of the dense score keeps (1 where a draw has none), its quantiles, and reached, the probability
    that there is one. Several searches are averaged. The quantiles say what the order of a search's own trials may do;
    what another search finds is not in them.

    Args:
        budgets: 1, 2, 4, ... up to the largest number that a method has, and all of the methods' own numbers.
    """
    score_axis, count_axis = axes_of((score, count))
    control = baseline(trials, score)
    of_search = baseline_of_search(trials, score)
    lines = []
    for method in in_order(trials["method"].unique()):
        for _, run in trials[trials["method"] == method].groupby(runs(trials)):
            rows = configurations(run)
            if rows.empty:
                continue
            good = admissible(rows, (score, count))
            values = rows[score_axis.column].to_numpy(np.float64) * (1.0 if score_axis.maximise else -1.0)
            values = np.where(good, values, -np.inf)
            shares = (rows[count_axis.column] / rows[count_axis.dense]).to_numpy(np.float64, na_value=np.nan)
            own = of_search(run)
            bound = own.kept(score_axis, kept) * (1.0 if score_axis.maximise else -1.0) if own else np.inf
            small = np.where(values >= bound, shares, np.inf)
            epochs = float(epochs_trained(run).sum()) / len(rows) if "epochs" in run else np.nan
            for drawn in _numbers(len(rows), budgets):
                best = _best(-values, drawn)
                least = _best(small, drawn, 1.0)
                sign = 1.0 if score_axis.maximise else -1.0
                lines.append(
                    {
                        "method": method,
                        "drawn": drawn,
                        "trials": drawn * len(run) / len(rows),
                        "epochs": drawn * epochs,
                        "best": -sign * best[0],
                        "best_low": -sign * best[2] if score_axis.maximise else best[1],
                        "best_high": -sign * best[1] if score_axis.maximise else best[2],
                        "share": least[0],
                        "share_low": least[1],
                        "share_high": least[2],
                        "reached": 1.0 - _none(int(np.isfinite(small).sum()), len(rows), drawn),
                    }
                )
    if not lines:
        return pd.DataFrame(columns=COLUMNS)
    found = pd.DataFrame(lines).groupby(["method", "drawn"], sort=False).mean().reset_index()
    if control is None:
        found[["share", "share_low", "share_high", "reached"]] = np.nan
    return found[COLUMNS]


def expected_front(
    trials: pd.DataFrame, drawn: int, *, score: str = "accuracy", count: str = "neurons"
) -> pd.DataFrame:
    """The best validation score to expect among networks of at most each size, of `drawn` configurations of a method.

    Columns: method, the count, the expected best score given that a network of this size is among them, and reached,
    the probability of that. Methods with fewer configurations are left out.
    """
    score_axis, count_axis = axes_of((score, count))
    sign = 1.0 if score_axis.maximise else -1.0
    parts = []
    for method in in_order(trials["method"].unique()):
        rows = configurations(trials[trials["method"] == method])
        if len(rows) < drawn or method == BASELINE:
            continue
        good = rows[admissible(rows, (score, count))].sort_values(count_axis.column, kind="stable")
        sizes = good[count_axis.column].to_numpy(np.float64)
        values = sign * good[score_axis.column].to_numpy(np.float64)
        lines = []
        for size in np.unique(sizes):
            inside = np.sort(values[sizes <= size])[::-1]
            weights = order_weights(len(rows), drawn)[: len(inside)]
            reached = float(weights.sum())
            expected = sign * float(weights @ inside) / reached if reached > 0 else np.nan
            lines.append((method, size, expected, reached))
        parts += lines
    return pd.DataFrame(parts, columns=["method", count_axis.column, score_axis.column, "reached"])


def _numbers(most: int, budgets: Sequence[int] | None) -> list[int]:
    powers = [2**k for k in range(most.bit_length()) if 2**k <= most]
    return [n for n in budgets if n <= most] if budgets is not None else sorted({*powers, most})


def _best(values: NDArray[np.float64], drawn: int, otherwise: float = np.nan) -> tuple[float, float, float]:
    """Mean and quantiles of the least of `drawn` of the values; infinite ones count as ``otherwise``."""
    ordered = np.sort(values)
    ordered = np.where(np.isfinite(ordered), ordered, otherwise)
    weights = order_weights(len(values), drawn)
    below = np.cumsum(weights)
    low, high = (float(ordered[min(int(np.searchsorted(below, level)), len(ordered) - 1)]) for level in LEVELS)
    known = np.isfinite(ordered)
    total = weights[known].sum()
    return (float(weights[known] @ ordered[known] / total) if total > 0 else np.nan), low, high


def _none(among: int, total: int, drawn: int) -> float:
    """P(none of `among` special ones is drawn)."""
    if total - among < drawn:
        return 0.0
    return float(np.exp(_log_choose(total - among, drawn) - _log_choose(total, drawn)))
