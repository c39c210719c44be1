"""Intervals over searches: a value for each of a few, and what they say about the mean."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.statistics.definitions import runs

FEW = 6
"""Below so many searches their values are shown one by one."""


def per_run(trials: pd.DataFrame, statistic: Callable[[pd.DataFrame], float]) -> "pd.Series[float]":
    """The statistic of each search's trials, by search."""
    return pd.Series({run: statistic(group) for run, group in trials.groupby(runs(trials))}, dtype=float)


@dataclass(frozen=True)
class Estimate:
    """A mean over searches with its interval; NaN bounds where one search cannot give any.

    Attributes:
        spread: sample standard deviation over searches.
        each: the values of the single searches, ascending.
    """

    mean: float
    spread: float
    low: float
    high: float
    runs: int
    each: tuple[float, ...] = ()

    def __str__(self) -> str:
        if self.runs < 2:
            return f"{self.mean:.4g} (one search: no interval)"
        text = f"{self.mean:.4g} [{self.low:.4g}, {self.high:.4g}] over {self.runs} searches"
        return f"{text} ({', '.join(f'{value:.4g}' for value in self.each)})" if self.runs < FEW else text


def estimate(values: "NDArray[np.float64] | pd.Series[float]", *, level: float = 0.95) -> Estimate:
    """Mean of one value per search and its t interval, mean -+ t_{(1 + level) / 2, n - 1} s / sqrt(n).

    It is exact for normal values and n >= 2; a bootstrap of three values would cover 75 % of the time where it says 95.
    A NaN value (a search in which a goal was not reached) makes mean and interval NaN.
    """
    from scipy.stats import t  # slow to import

    sample = np.asarray(values, dtype=np.float64)
    raw = tuple(sorted(sample.tolist()))
    if not len(sample):
        return Estimate(np.nan, np.nan, np.nan, np.nan, 0)
    mean = float(sample.mean())
    if len(sample) == 1 or np.isnan(sample).any():
        return Estimate(mean, np.nan, np.nan, np.nan, len(sample), raw)
    spread = float(sample.std(ddof=1))
    half = float(t.ppf((1 + level) / 2, len(sample) - 1)) * spread / np.sqrt(len(sample))
    return Estimate(mean, spread, mean - half, mean + half, len(sample), raw)


def said_of_runs(counts: "pd.Series[int]", what: str, missing: str) -> str:
    """What stands behind a table: "`what` over 3 searches", or that it is without `missing`, with one."""
    fewest, most = int(counts.min()), int(counts.max())
    if most < 2:
        return f"one search each, so without {missing}"
    return f"{what} over {fewest if fewest == most else f'{fewest} to {most}'} searches"
