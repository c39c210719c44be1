"""Repetitions: which trials would have been one study with one seed, and intervals over such runs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def runs(trials: pd.DataFrame) -> "pd.Series[int]":
    """The run of each trial, numbered from 0: trials of one study with one data seed.

    With S seeds a study trains every configuration S times, each time with another data seed, so it holds S
    runs of the same search. Several loaded studies are runs of their own: load only repetitions together.
    """
    return trials.groupby(["study", "data_seed"], observed=True, sort=True).ngroup().rename("run")


def per_run(trials: pd.DataFrame, statistic: Callable[[pd.DataFrame], float]) -> "pd.Series[float]":
    """The statistic of each run's trials, by run."""
    return pd.Series({run: statistic(group) for run, group in trials.groupby(runs(trials))}, dtype=float)


@dataclass(frozen=True)
class Estimate:
    """A mean over runs with its bootstrap interval; NaN bounds where one run cannot give any.

    Attributes:
        spread: sample standard deviation over runs.
    """

    mean: float
    spread: float
    low: float
    high: float
    runs: int

    def __str__(self) -> str:
        if self.runs < 2:
            return f"{self.mean:.4g} (one run: no interval)"
        return f"{self.mean:.4g} [{self.low:.4g}, {self.high:.4g}] over {self.runs} runs"


def estimate(
    values: "NDArray[np.float64] | pd.Series[float]",
    *,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> Estimate:
    """Mean of one value per run and its percentile bootstrap interval (Efron 1979).

    Runs are drawn with replacement `draws` times; the interval holds the middle `level` of the means. With
    few runs it is too narrow: three runs can give no more than their own range. A NaN value (a run in which a
    goal was not reached) makes mean and interval NaN.
    """
    sample = np.asarray(values, dtype=np.float64)
    if not len(sample):
        return Estimate(np.nan, np.nan, np.nan, np.nan, 0)
    if len(sample) == 1 or np.isnan(sample).any():
        return Estimate(float(sample.mean()), np.nan, np.nan, np.nan, len(sample))
    chosen = np.random.default_rng(seed).integers(len(sample), size=(draws, len(sample)))
    low, high = np.quantile(sample[chosen].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(sample.mean()), float(sample.std(ddof=1)), float(low), float(high), len(sample))


def said_of_runs(counts: "pd.Series[int]", what: str, missing: str) -> str:
    """What stands behind a table: "`what` over 3 runs", or that it is without `missing`, with one run."""
    fewest, most = int(counts.min()), int(counts.max())
    if most < 2:
        return f"one run each, so without {missing}"
    return f"{what} over {fewest if fewest == most else f'{fewest} to {most}'} runs"
