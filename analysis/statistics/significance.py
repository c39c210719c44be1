"""Tests between methods over few searches: what is best by more than chance, and how sure a difference is."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.tests import holm

Values = NDArray[np.float64]


def best_by_test(values: Mapping[str, Values], *, maximise: bool, alpha: float = 0.05) -> str | None:
    """The one whose mean is best, if it is better than each other's by Welch's test (one-sided, Holm); else None.

    Args:
        values: one per search, for each method; a method without two known values can be neither.
    """
    from scipy.stats import t

    sign = 1.0 if maximise else -1.0
    known = {name: sign * one for name, one in values.items() if len(one) > 1 and not np.isnan(one).any()}
    if len(known) < 2:
        return None
    best = max(known, key=lambda name: float(known[name].mean()))
    p = []
    for name, one in known.items():
        if name == best:
            continue
        mean, error, freedom = _welch(one, known[best])
        if not error:  # no spread at all: nothing that a test could go by
            return None
        p.append(float(t.sf(mean / error, freedom)))
    return best if (holm(p) <= alpha).all() else None


def told_apart(values: Mapping[str, Values]) -> dict[frozenset[str], float]:
    """p of Welch's two-sided test between every two, by Holm over all pairs: whichever pair is picked afterwards.

    Args:
        values: one per search, for each method; with a single one nothing can be told apart.
    """
    from scipy.stats import t

    pairs = list(combinations(values, 2))
    p = []
    for one, other in pairs:
        if min(len(values[one]), len(values[other])) < 2:
            p.append(1.0)
            continue
        mean, error, freedom = _welch(values[one], values[other])
        # Without any spread there is nothing that a test could go by.
        p.append(2 * float(t.sf(abs(mean) / error, freedom)) if error else 1.0)
    return {frozenset(pair): float(adjusted) for pair, adjusted in zip(pairs, holm(p), strict=True)} if p else {}


def difference(one: Values, other: Values, *, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of `other` less mean of `one` with Welch's interval over searches; NaN bounds where one has a single one."""
    from scipy.stats import t

    if min(len(one), len(other)) < 2:
        mean = float(np.mean(other) - np.mean(one)) if len(one) and len(other) else np.nan
        return mean, np.nan, np.nan
    mean, error, freedom = _welch(one, other)
    reach = float(t.ppf((1 + level) / 2, freedom)) * error if error else 0.0
    return mean, mean - reach, mean + reach


def _welch(one: Values, other: Values) -> tuple[float, float, float]:
    """Difference of means, its standard error, and Welch's degrees of freedom; error 0 where neither has a spread."""
    mean = float(np.mean(other) - np.mean(one))
    parts = [float(np.var(side, ddof=1)) / len(side) for side in (one, other)]
    error = float(np.sqrt(sum(parts)))
    if error <= _ROUNDING * max(float(np.abs(one).max()), float(np.abs(other).max())):
        return mean, 0.0, np.inf
    freedom = sum(parts) ** 2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, (one, other), strict=True))
    return mean, error, freedom


_ROUNDING = 1e-12
"""A spread of this share of the values is none."""
