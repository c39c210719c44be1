"""What each objective is called on paper: title, unit, and its column in the trials frame."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from study.directory import AFTERWARDS, OBJECTIVES, Objective, StudyError

__all__ = ["AXES", "CONDITION", "Axis", "Points", "axes_of", "measured", "minimised"]

Points = NDArray[np.float64]

AXES = {**OBJECTIVES, **AFTERWARDS}
CONDITION = "_condition"
"""Ends the name of a column that says how the column before it was measured."""


@dataclass(frozen=True)
class Axis:
    """One objective: `name` as in the study's YAML, `column` in the trials frame, `title` on paper with its unit."""

    name: str
    column: str
    maximise: bool
    title: str
    percent: bool
    unit: str = ""
    """Of what is measured in one, such as ms; empty for scores and for what counts parts of the network."""

    @property
    def scale(self) -> float:
        """Factor from the stored value to the printed one: fractions are printed in %."""
        return 100.0 if self.percent else 1.0

    @property
    def is_score(self) -> bool:
        """A score is measured on data (accuracy, losses); everything else counts parts of the network."""
        return self.column.startswith("val_")

    @property
    def least(self) -> str:
        """The word for little of it."""
        return "lowest" if self.unit else "fewest"

    @property
    def form(self) -> str:
        """How values of a count are written: whole numbers, but four digits of what is measured in a unit."""
        return ".4g" if self.unit else ",.0f"

    @property
    def test(self) -> str:
        """Column of the same score on the test split."""
        return self.column.replace("val_", "test_", 1)

    @property
    def dense(self) -> str:
        """Column of the same count in the dense network."""
        return f"dense_{self.column}"

    def within(self, trials: pd.DataFrame) -> "Axis":
        """The axis with what the trials tell of how it was measured in its title."""
        expect_frame(trials)
        column = f"{self.column}{CONDITION}"
        found = trials[column].dropna().unique().tolist() if column in trials else []
        return replace(self, title=f"{self.title}, {found[0]}") if len(found) else self


def axes_of(objectives: Iterable[str], argument: str = "objectives") -> tuple[Axis, ...]:
    """The axes of the named objectives, which errors say were given as `argument`.

    Raises:
        ValueError: unknown, repeated or no names; one word in the place of several.
    """
    if isinstance(objectives, str):
        raise StudyError(f'{argument}: expected names such as ("accuracy", "neurons"), but got the text {objectives!r}')
    names = tuple(objectives)
    if not names or len(set(names)) != len(names):
        raise StudyError(f"{argument}: expected distinct objectives out of {sorted(AXES)}, but got {names}")
    for name in names:
        if name not in AXES:
            near = get_close_matches(str(name), AXES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise StudyError(f"{argument}: expected one of {', '.join(sorted(AXES))}, but got {name!r}{hint}")
    return tuple(_axis(name, AXES[name]) for name in names)


def expect_frame(trials: object) -> None:
    """Raises ValueError where the trials are no frame, such as the study that they are of."""
    if not isinstance(trials, pd.DataFrame):
        raise StudyError(
            f"trials: expected a frame, such as analysis.load(DIR).trials, but got a {type(trials).__name__}"
        )


def _axis(name: str, objective: Objective) -> Axis:
    fraction = objective.unit == "fraction"
    unit = "" if fraction else objective.unit
    title = f"{objective.label} / {unit}" if unit else objective.label
    return Axis(name, objective.column, objective.maximise, title, fraction, unit)


def measured(trials: pd.DataFrame, objectives: Sequence[str]) -> tuple[Axis, tuple[Axis, ...]]:
    """The score of a study, and the counts to draw it against, the study's own objectives first.

    The score is the first one among the objectives, else the first of accuracy, nmse, mse and loss that was
    measured. Of the other counts those that differ between trials are given; macs and flops, which are twice the
    macs, not both.

    Raises:
        ValueError: no trial has both a score and a count.
    """
    expect_frame(trials)
    own = axes_of(objectives)
    score = next((axis for axis in own if axis.is_score), None)
    if score is None:
        score = next((axis for axis in axes_of(_SCORES) if trials[axis.column].notna().any()), None)
    counts = [axis for axis in own if not axis.is_score]
    twin = {"macs"} if "macs" not in objectives else {"flops"} - set(objectives)
    # How many inputs are left says the least about a network's cost.
    for axis in sorted(axes_of(AXES), key=lambda axis: axis.name == "inputs"):
        if not axis.is_score and axis not in counts and axis.name not in twin and _differ(trials, axis):
            counts.append(axis)
    if score is None or not counts or not trials[[score.column, counts[0].column]].notna().all(axis=1).any():
        raise StudyError("expected trials with a score and a count, got none with both (did all of them fail?)")
    return score, tuple(counts)


_SCORES = ("accuracy", "nmse", "mse", "loss", "score")


def _differ(trials: pd.DataFrame, axis: Axis) -> bool:
    return axis.column in trials and len(trials[axis.column].dropna().unique()) > 1


def minimised(trials: pd.DataFrame, axes: Sequence[Axis]) -> Points:
    """Objective vectors (n, m) as float64, maximised ones negated, so that less is better everywhere."""
    expect_frame(trials)
    missing = [axis.column for axis in axes if axis.column not in trials.columns]
    if any(column == objective.column for objective in AFTERWARDS.values() for column in missing):
        raise StudyError("no latency was measured; measure that of the front's networks with: study latency DIR")
    if missing:
        raise StudyError(f"trials: expected a frame of analysis.load, but it has no column {missing[0]!r}")
    columns = [
        trials[axis.column].to_numpy(dtype=np.float64, na_value=np.nan) * (-1.0 if axis.maximise else 1.0)
        for axis in axes
    ]
    return np.column_stack(columns)
