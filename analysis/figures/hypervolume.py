"""Figure of the hypervolume as a search goes on: how soon each method had what it has in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from analysis.axes import Points
from analysis.figures.style import blank, legend, style
from analysis.palette import looks
from analysis.statistics import BASELINE, DEFAULT, Budget, Reference, reference_of, trajectory
from analysis.units import unit_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TITLES = {
    "trials": "Trials of the method",
    "train_seconds": "Training time of the method's trials",
    "wall_seconds": "Time since the method's first trial finished",
}


@dataclass(frozen=True)
class HypervolumeData:
    """All that the figure shows.

    Attributes:
        paths: (n, 2) of what had been spent, in `unit`, and the hypervolume, for each method but dense.
        unit: "" for trials, else s, min, h or d.
        box: the reference point in words.
    """

    over: Budget
    unit: str
    paths: dict[str, Points]
    box: str


def hypervolume_data(
    trials: pd.DataFrame,
    objectives: Sequence[str] = DEFAULT,
    *,
    over: Budget = "trials",
    reference: Reference | None = None,
) -> HypervolumeData:
    """Hypervolume of each method's trials so far; arguments and errors as in `analysis.trajectory`."""
    box = reference or reference_of(trials, objectives)
    # A control has one size: its hypervolume says nothing about a search.
    found = trajectory(trials[trials["method"] != BASELINE], objectives, over=over, reference=box)
    unit, scale = ("", 1.0) if over == "trials" else unit_of(found[over].max())
    paths = {
        str(method): (part[[over, "hypervolume"]] / [scale, 1.0]).sort_values(over, kind="stable").to_numpy()
        for method, part in found.groupby("method", sort=False)
    }
    return HypervolumeData(over, unit, paths, str(box))


def hypervolume_figure(data: HypervolumeData, width: str | float = "column") -> Figure:
    """Draw one staircase per method, up whenever a trial adds to its front."""
    with style():
        figure = blank(width, len(data.paths))
        axes = figure.add_subplot()
        for method, look in looks(data.paths).items():
            path = data.paths[method]
            axes.plot(*path.T, color=look.colour, linestyle=look.line, drawstyle="steps-post", label=look.title)
            axes.plot(*path[-1], color=look.colour, marker=look.marker, markersize=4, clip_on=False)
        axes.set_xlabel(_TITLES[data.over] + (f" / {data.unit}" if data.unit else ""))
        axes.set_ylabel("Hypervolume  (better →)")
        axes.set_title(f"share of the box up to {data.box}", loc="right", fontsize=6, pad=2)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        legend(figure)
    return figure
