"""Figure of how trials learned: the score by epoch, and the live units of each layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.axes import Axis, Points, axes_of
from analysis.figures.style import inches_of, sheet, style
from study.directory import StudyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LAYERS = "cividis"
"""The colour map of layers, first to last: even to the eye, in grey, and for the colour-blind."""


@dataclass(frozen=True)
class Course:
    """One trial by epoch: the score in printed units (n,), the training loss (n,), and live units (n, L)."""

    trial: str
    epochs: Points
    score: Points
    train_loss: Points
    widths: Points


@dataclass(frozen=True)
class LearningData:
    """All that the figure shows; `polish` is the last epoch before the pattern was frozen, None without polishing."""

    score: Axis
    courses: tuple[Course, ...]
    polish: int | None


def learning_data(
    curves: pd.DataFrame, trials: Sequence[str], *, score: str = "accuracy", polish: int = 0
) -> LearningData:
    """What happened in the named trials.

    Args:
        curves: `curves` of `analysis.load`.
        polish: how many epochs at the end were polishing (`polish` of the study's YAML).

    Raises:
        ValueError: no trial named, or one without a curve.
    """
    (axis,) = axes_of((score,))
    known = set(curves["trial"])
    unknown = [name for name in trials if name not in known]
    if not trials or unknown:
        raise StudyError(f"expected the names of trials that have curves, got {unknown or 'none'}")
    courses = tuple(_course(curves[curves["trial"] == name], name, axis) for name in trials)
    last = int(max(course.epochs[-1] for course in courses))
    return LearningData(axis, courses, last - polish if polish else None)


def _course(rows: pd.DataFrame, name: str, axis: Axis) -> Course:
    rows = rows.sort_values("epoch")
    widths = [None if width is None or width is pd.NA else width for width in rows["widths"].tolist()]
    layers = max((len(width) for width in widths if width is not None), default=0)
    lines = [np.full(layers, np.nan) if width is None else np.asarray(width, dtype=np.float64) for width in widths]
    return Course(
        name,
        rows["epoch"].to_numpy(np.float64),
        rows[axis.column].to_numpy(np.float64) * axis.scale,
        rows["train_loss"].to_numpy(np.float64),
        np.array(lines).reshape(len(rows), layers),
    )


def learning_figure(data: LearningData, width: str | float = "column") -> Figure:
    """Draw a column of two panels per trial: its score above, live units per layer below."""

    from matplotlib import colormaps
    from matplotlib.ticker import MaxNLocator

    inches = inches_of(width)
    with style():
        figure = sheet(inches, 3.6)
        panels = figure.subplots(2, len(data.courses), sharex=True, sharey="row", squeeze=False)
        for (above, below), course in zip(panels.T, data.courses, strict=True):
            above.plot(course.epochs, course.score, color="#0072B2")
            above.set_title(course.trial, fontsize=7)
            layers = course.widths.shape[1]
            colours = colormaps[LAYERS](np.linspace(0.0, 0.85, max(layers, 1)))
            for layer, colour in enumerate(colours[:layers]):
                line = ("-", "--", "-.", ":")[layer % 4]
                below.plot(course.epochs, course.widths[:, layer], color=colour, linestyle=line)
                below.annotate(
                    f"{layer + 1}", (course.epochs[-1], course.widths[-1, layer]), (3, 0), textcoords="offset points"
                )
            below.set_ylim(bottom=0)
            below.set_xlabel("Epoch")
            below.xaxis.set_major_locator(MaxNLocator(integer=True))
            if data.polish is not None:
                for panel in (above, below):
                    panel.axvline(data.polish + 0.5, color="#777777", linewidth=0.8, linestyle=":")
                above.text(data.polish + 0.5, 0.03, " polish", transform=above.get_xaxis_transform(), fontsize=6)
        arrow = "(better →)" if data.score.maximise else "(← better)"
        panels[0, 0].set_ylabel(f"{data.score.title}{' / %' if data.score.percent else ''}\n{arrow}")
        panels[1, 0].set_ylabel("Live units by layer")
    return figure
