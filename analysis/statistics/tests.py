"""Tests of paired answers, and what they come to when there are several."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def mcnemar(one: ArrayLike, other: ArrayLike) -> float:
    """Two-sided p of McNemar's exact test that two networks are right equally often, on the same examples.

    Of the examples that only one answers rightly, b and c, the smaller number is binomial (b + c, 1/2).

    Args:
        one, other: (N,) whether each answers rightly.
    """
    from scipy.stats import binomtest

    first, second = np.asarray(one, dtype=bool), np.asarray(other, dtype=bool)
    only_one, only_other = int((first & ~second).sum()), int((second & ~first).sum())
    if only_one + only_other == 0:
        return 1.0
    return float(binomtest(only_one, only_one + only_other).pvalue)


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Holm's adjusted p: below a where a test holds when all together may err with probability a.

    The k-th smallest of m is multiplied by m - k + 1, and is no smaller than the one before (Holm 1979).
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    adjusted = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    found = np.empty_like(values)
    found[order] = np.minimum(adjusted, 1.0)
    return found
