"""Hypervolume of a front, as the share of a stated box."""

from collections.abc import Sequence
from dataclasses import dataclass

import moocore
import numpy as np
import pandas as pd

from analysis.axes import Axis, Points, axes_of, minimised
from analysis.statistics.front import DEFAULT, front_mask
from study.directory import StudyError

# Values with a meaning of their own: no correct answer; the error of always predicting the mean.
_WORST = {"accuracy": 0.0, "nmse": 1.0}
_IDEAL = {"accuracy": 1.0}


@dataclass(frozen=True)
class Reference:
    """The box in which hypervolume is measured: from the `ideal` to the `worst` value of each objective."""

    objectives: tuple[str, ...]
    ideal: tuple[float, ...]
    worst: tuple[float, ...]

    def __str__(self) -> str:
        pairs = zip(self.objectives, self.worst, strict=True)
        return ", ".join(f"{name} {value:g}" for name, value in pairs)

    def normalise(self, trials: pd.DataFrame) -> Points:
        """Objective vectors (n, m) with 0 at the ideal and 1 at the worst value, less is better."""
        axes = axes_of(self.objectives)
        sign = np.array([-1.0 if axis.maximise else 1.0 for axis in axes])
        ideal, worst = np.array(self.ideal) * sign, np.array(self.worst) * sign
        unit: Points = (minimised(trials, axes) - ideal) / (worst - ideal)
        return unit


def reference_of(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> Reference:
    """The default box: ideal 1 (accuracy) or 0; worst as follows.

    accuracy: 0. nmse: 1, the error of predicting the mean. Counts: the dense network's (the largest, where
    the trials have several). mse and loss have no natural worst value: theirs is the worst on the front over
    all trials given (the nadir), so compare methods with one reference, made from all of them.

    Raises:
        ValueError: no trial tells the worst value, or the box would have no volume.
    """
    axes = axes_of(objectives)
    ideal, worst = list[float](), list[float]()
    for axis in axes:
        value, best = _worst(axis, trials, objectives), _ideal(axis, trials, objectives)
        if not np.isfinite(value) or value == best:
            raise StudyError(
                f"no reference value for {axis.name!r}: expected a worst value other than the ideal,"
                f" got {value:g}; give one with analysis.Reference"
            )
        worst.append(value)
        ideal.append(best)
    return Reference(tuple(objectives), tuple(ideal), tuple(worst))


def _ideal(axis: Axis, trials: pd.DataFrame, objectives: Sequence[str]) -> float:
    """A score of a study's own is from 0 to 1, and as far beyond as the front goes."""
    if axis.name == "score":
        return float(np.nanmax([1.0, trials.loc[front_mask(trials, objectives), axis.column].max()]))
    return _IDEAL.get(axis.name, 0.0)


def _worst(axis: Axis, trials: pd.DataFrame, objectives: Sequence[str]) -> float:
    if axis.name in _WORST:
        return _WORST[axis.name]
    if axis.name == "score":
        return float(np.nanmin([0.0, trials.loc[front_mask(trials, objectives), axis.column].min()]))
    values = trials.loc[front_mask(trials, objectives), axis.column] if axis.is_score else trials[axis.dense]
    return float(values.max()) if values.count() else np.nan


def hypervolume(
    trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT, *, reference: Reference | None = None
) -> float:
    """Share of the box between ideal and worst that the trials dominate, from 0 to 1.

    HV = volume(union over trials of [z, 1]) with z the normalised objectives; values worse than the reference
    add nothing, values better than the ideal count as the ideal (Zitzler & Thiele 1998).

    Args:
        trials: any trials; those that may not be on a front are ignored.
        reference: the box; by default that of `analysis.reference_of(trials, objectives)`.
    """
    box = reference or reference_of(trials, objectives)
    if box.objectives != tuple(objectives):
        raise StudyError(f"expected a reference for {tuple(objectives)}, got one for {box.objectives}")
    front = trials[front_mask(trials, objectives)]
    return volume(box.normalise(front))


def volume(unit: Points) -> float:
    """Hypervolume of normalised points (n, m) against (1, ..., 1)."""
    return float(moocore.hypervolume(np.clip(unit, 0.0, 1.0), ref=1.0)) if len(unit) else 0.0
