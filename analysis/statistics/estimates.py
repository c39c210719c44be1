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

    It is exact for normal values and n >= 2. Of 2 to 5 evenly spread values it covers 92 to 93 % where it says 95; a
    bootstrap of three values would cover 75 %. At 90 % three evenly spread ones are covered 87 % of the time: less than
    `level` = 0.95 is for many searches.
    A NaN or infinite value (a search in which a goal was not reached) leaves no interval.
    """
    sample = np.asarray(values, dtype=np.float64)
    raw = tuple(np.sort(sample).tolist())  # NaN last
    if not len(sample):
        return Estimate(np.nan, np.nan, np.nan, np.nan, 0)
    mean = float(sample.mean())
    if len(sample) == 1 or not np.isfinite(sample).all():
        return Estimate(mean, np.nan, np.nan, np.nan, len(sample), raw)
    spread = float(sample.std(ddof=1))
    from scipy.special import stdtrit  # scipy.stats takes a second to import

    half = float(stdtrit(len(sample) - 1, (1 + level) / 2)) * spread / np.sqrt(len(sample))
    return Estimate(mean, spread, mean - half, mean + half, len(sample), raw)


EVENLY = {2: 93, 3: 92, 4: 93, 5: 93}
"""How often in % the 95 % interval of so many evenly spread values covers their mean."""


def said_of_shape(searches: int) -> str:
    """What the intervals take for granted, where so few values cannot show it; empty of one search and of many."""
    if searches not in EVENLY:
        return ""
    return (
        f"t intervals take values for normal: of evenly spread ones over {searches} searches they cover"
        f" {EVENLY[searches]} % where they say 95 %."
    )


def said_of_runs(counts: "pd.Series[int]", what: str, missing: str) -> str:
    """What stands behind a table: "`what` over 3 searches", or that it is without `missing`, with one."""
    fewest, most = int(counts.min()), int(counts.max())
    if most < 2:
        return f"one search each, so without {missing}"
    return f"{what} over {fewest if fewest == most else f'{fewest} to {most}'} searches"
