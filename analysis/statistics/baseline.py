"""The dense control, and what reaches its score: the smallest network that does."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.axes import Axis, axes_of
from analysis.statistics.front import admissible
from analysis.statistics.runs import runs

BASELINE = "dense"


@dataclass(frozen=True)
class Baseline:
    """The dense control: validation score of the trial that is best in it, and that trial's test score."""

    validation: float
    test: float

    def bound(self, axis: Axis, within: float) -> float:
        """The worst score that still counts: `within` below an accuracy, (1 + within) times a loss."""
        return self.validation - within if axis.maximise else self.validation * (1.0 + within)


def baseline(trials: pd.DataFrame, score: str = "accuracy") -> Baseline | None:
    """The dense trial with the best validation score; None where the study has none that finished."""
    (axis,) = axes_of((score,))
    dense = trials[(trials["method"] == BASELINE) & admissible(trials, (score,))]
    best = best_of(dense, axis)
    if best is None:
        return None
    return Baseline(float(best[axis.column]), _number(best[axis.test]))


def baseline_over_runs(trials: pd.DataFrame, score: str = "accuracy") -> Baseline | None:
    """The mean of the baselines of the runs; None where no run has one."""
    found = [control for _, run in trials.groupby(runs(trials)) if (control := baseline(run, score))]
    if not found:
        return None
    return Baseline(*np.mean([(one.validation, one.test) for one in found], axis=0).tolist())


def fewest(trials: pd.DataFrame, count: str, score: str, bound: float) -> "pd.Series[Any] | None":
    """The smallest admissible trial whose validation score reaches the bound, the better score on ties."""
    score_axis, count_axis = axes_of((score, count))
    reach = trials[admissible(trials, (score, count))]
    values = reach[score_axis.column]
    reach = reach[values >= bound if score_axis.maximise else values <= bound]
    return best_of(reach[reach[count_axis.column] == reach[count_axis.column].min()], score_axis)


def best_of(trials: pd.DataFrame, axis: Axis) -> "pd.Series[Any] | None":
    """The trial with the best value; of several the first by name, whatever the order of the rows."""
    values = trials[axis.column]
    ties = trials[values == (values.max() if axis.maximise else values.min())]
    return None if ties.empty else ties.sort_values("trial").iloc[0]


def _number(value: Any) -> float:
    return float(value) if pd.notna(value) else np.nan
