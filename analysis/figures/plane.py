"""The plane of two objectives: the part that is shown, its scales and labels, and staircases in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.axes import Axis, Points, axes_of
from study.directory import StudyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Limits = tuple[float, float]


@dataclass(frozen=True)
class Plane:
    """What is shown: the axes, the limits in printed units, and whether x is logarithmic."""

    x: Axis
    y: Axis
    across: Limits
    up: Limits
    log: bool

    def staircase(self, front: Points) -> Points:
        """Corners (2k + 1, 2) of the boundary of what a front (k, 2) dominates, up to the plane's edges."""
        sign = np.array([-1.0 if axis.maximise else 1.0 for axis in (self.x, self.y)])
        # In minimised coordinates: down from the worst y, right, down, ... and right to the worst x.
        ordered = front * sign
        ordered = ordered[np.argsort(ordered[:, 0])]
        worst = (np.array([self.across, self.up]) * sign[:, None]).max(axis=1)
        across = np.append(np.repeat(ordered[:, 0], 2), worst[0])
        down = np.append(worst[1], np.repeat(ordered[:, 1], 2))
        corners: Points = np.column_stack([across, down]) * sign
        return corners

    def below(self, values: Points) -> int:
        """How many of the values (n, 2) lie under the plane."""
        return int((values[:, 1] < self.up[0]).sum())

    def prepare(self, axes: Axes) -> None:
        """Set scales, limits, ticks and labels."""

        from matplotlib.ticker import (
            EngFormatter,
            FuncFormatter,
            LogLocator,
            NullFormatter,
            NullLocator,
            SymmetricalLogLocator,
        )

        if self.log and self.across[0] > 0:
            axes.set_xscale("log")
            few = self.across[1] / self.across[0] < 300
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
        elif self.log:
            # A network may have no unit left: zero gets its place beside the logarithm of one and above.
            axes.set_xscale("symlog", linthresh=1, linscale=0.5)
            axes.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=1))
        else:
            axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        if self.x.unit:
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
        elif not self.x.is_score:
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.set_xlim(*self.across)
        axes.set_ylim(*self.up)
        axes.set_xlabel(_label(self.x))
        axes.set_ylabel(_label(self.y))

    def note_below(self, axes: Axes, count: int, what: str, more: str = "") -> None:
        """Say above the axes how many things lie under the plane, and what more there is to say."""
        plural = "" if count == 1 else "s"
        edge = f"{self.up[0]:.3g}{' %' if self.y.percent else ''}"
        said = ", ".join(filter(None, (f"{count:,} {what}{plural} below {edge}" if count else "", more)))
        if said:
            axes.set_title(said, loc="right", fontsize=6, pad=2)


def oriented(objectives: Sequence[str]) -> tuple[Axis, Axis]:
    """x and y: the score on y and the count on x; ValueError unless there are two objectives."""
    axes = axes_of(objectives)
    if len(axes) != 2:
        raise StudyError(f"objectives: expected two objectives, but got {tuple(objectives)}")
    y, x = axes if axes[0].is_score or not axes[1].is_score else axes[::-1]
    return x, y


def printed(frame: pd.DataFrame, x: Axis, y: Axis) -> Points:
    """Values (n, 2) of x and y in printed units."""
    return np.column_stack([frame[axis.column].to_numpy(dtype=np.float64) * axis.scale for axis in (x, y)])


def plane_of(values: Points, x: Axis, y: Axis, span: float | None) -> Plane:
    """The plane that shows values (n, 2), accuracies only from `span` points below the best (None: all)."""
    low = values[:, 1].max() - span if span is not None and y.name == "accuracy" else -np.inf
    shown = values[values[:, 1] >= low]
    log = _spans_a_decade(shown[:, 0])
    return Plane(x, y, _limits(shown[:, 0], log), _limits(shown[:, 1]), log)


def _label(axis: Axis) -> str:
    # A y label is turned by a quarter: its right is up.
    arrow = "(better →)" if axis.maximise else "(← better)"
    return f"{axis.title}{' / %' if axis.percent else ''}  {arrow}"


def _spans_a_decade(values: Points) -> bool:
    positive = values[values > 0]
    return len(positive) > 0 and bool(values.min() >= 0) and bool(values.max() >= 10 * positive.min())


def _limits(values: Points, log: bool = False) -> Limits:
    """The values' range with a margin of 5 %, so that no marker touches the frame."""
    low, high = float(values.min()), float(values.max())
    if log:
        start, end = np.log(low or 1.0), np.log(high)
        margin = 0.05 * (end - start)
        return (-0.3 if low == 0 else float(np.exp(start - margin))), float(np.exp(end + margin))
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin
