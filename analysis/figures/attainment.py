"""Figure of what each method attains in the median run, with a band from 25 % to 75 % of the runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.axes import Points
from analysis.figures.front import draw_baseline
from analysis.figures.plane import Plane, oriented, plane_of, printed
from analysis.figures.style import blank, legend, style
from analysis.palette import in_order, looks
from analysis.statistics import BASELINE, DEFAULT, admissible, attainment, baseline
from study.directory import StudyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Surface:
    """One method's attainment in printed units, as staircases (n, 2) of x and y.

    Attributes:
        median: boundary of what half of the runs attain.
        band: boundaries of what 25 % and 75 % attain; None with one run.
    """

    method: str
    runs: int
    median: Points
    band: tuple[Points, Points] | None


@dataclass(frozen=True)
class AttainmentData:
    """All that the figure shows; `dense` is the baseline, its score the mean over runs."""

    plane: Plane
    surfaces: tuple[Surface, ...]
    dense: tuple[float, float] | None


def attainment_data(
    trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT, *, span: float | None = 10.0
) -> AttainmentData:
    """Attainment surfaces of each method in two objectives; arguments and errors as in `front_data`."""
    x, y = (axis.within(trials) for axis in oriented(objectives))
    usable = trials[admissible(trials, objectives)]
    if usable.empty:
        raise StudyError("nothing to draw: no complete trial has both objectives (see analysis.left_out)")
    plane = plane_of(printed(usable, x, y), x, y, span)
    found = attainment(usable[usable["method"] != BASELINE], objectives)
    surfaces = []
    for method in in_order(found["method"].unique()):
        part = found[found["method"] == method]
        runs = int(part["runs"].iloc[0])
        stairs = {
            level: plane.staircase(printed(part[part["level"] == level], x, y)) for level in part["level"].unique()
        }
        surfaces.append(Surface(method, runs, stairs[50], (stairs[25], stairs[75]) if runs > 1 else None))
    control = baseline(trials, y.name) if y.is_score and not x.is_score else None
    dense = (float(usable[x.dense].max()), control.validation * y.scale) if control else None
    return AttainmentData(plane, tuple(surfaces), dense)


def attainment_figure(data: AttainmentData, width: str | float = "column") -> Figure:
    """Draw the median surfaces as lines and the runs between 25 % and 75 % as bands, with one run no band."""
    with style():
        figure = blank(width, len(data.surfaces) + (data.dense is not None))
        axes = figure.add_subplot()
        data.plane.prepare(axes)
        shown = looks(surface.method for surface in data.surfaces)
        for surface in data.surfaces:
            look = shown[surface.method]
            if surface.band:
                outline = np.concatenate([surface.band[0], surface.band[1][::-1]])
                axes.fill(*outline.T, color=look.colour, alpha=0.2, linewidth=0)
            marks: dict[str, Any] = {
                "marker": look.marker,
                "markersize": 4,
                "markeredgecolor": "white",
                "markeredgewidth": 0.4,
            }
            # Every second corner is a point of the surface; the others are where the steps turn.
            axes.plot(*surface.median.T, color=look.colour, linestyle=look.line, markevery=(1, 2), **marks)
            axes.plot([], [], color=look.colour, linestyle=look.line, label=look.title, **marks)
        if data.dense:
            draw_baseline(axes, data.dense)
        axes.set_title(_note(data.surfaces), loc="right", fontsize=6, pad=2)
        legend(figure)
    return figure


def _note(surfaces: Sequence[Surface]) -> str:
    runs = sorted({surface.runs for surface in surfaces})
    if not runs or runs[-1] == 1:
        return "one run: no band"
    count = str(runs[0]) if len(runs) == 1 else f"{runs[0]} to {runs[-1]}"
    return f"median of {count} runs, band 25 % to 75 %"
