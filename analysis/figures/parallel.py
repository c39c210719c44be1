"""Figure of parallel coordinates: one line per trial through its parameters and what it reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.axes import Points, axes_of
from analysis.figures.slices import Slice, slice_of
from analysis.figures.style import inches_of, sheet, style
from analysis.palette import title
from analysis.statistics import DEFAULT, admissible, logarithmic, searched
from study.directory import PARAMETER, StudyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ParallelData:
    """One method's trials: the coordinates from left to right, objectives last, all with the same trials (n,).

    Attributes:
        heights: (n, coordinates) from 0 to 1 on each coordinate's own scale; NaN where a trial has no value.
        shades: (n,) from 0, worst, to 1, best in the first objective by rank.
    """

    method: str
    coordinates: tuple[Slice, ...]
    heights: Points
    shades: Points


def parallel_data(trials: pd.DataFrame, method: str, objectives: Sequence[str] = DEFAULT) -> ParallelData:
    """The searched parameters and objectives of a method's complete trials.

    Raises:
        ValueError: the method has no complete trial, or searched nothing.
    """
    axes = axes_of(objectives)
    own = trials[(trials["method"] == method) & admissible(trials, objectives)]
    names = searched(own)
    if not names:
        raise StudyError(f"expected a method with complete trials and parameters that vary, got {method!r}")
    parameters = [slice_of(own[name], name.removeprefix(PARAMETER)) for name in names]
    reached = [
        Slice(axis.name, own[axis.column].to_numpy(np.float64) * axis.scale, (), logarithmic(own[axis.column]))
        for axis in axes
    ]
    rank = own[axes[0].column].rank(ascending=axes[0].maximise, method="average").to_numpy(np.float64)
    coordinates = (*parameters, *reached)
    heights = np.column_stack([_height(coordinate) for coordinate in coordinates])
    return ParallelData(method, coordinates, heights, (rank - 1) / max(len(own) - 1, 1))


def _height(coordinate: Slice) -> Points:
    values = np.log(coordinate.numbers) if coordinate.log else coordinate.numbers
    low, high = np.nanmin(values), np.nanmax(values)
    place: Points = (values - low) / (high - low) if high > low else np.where(np.isnan(values), np.nan, 0.5)
    return place


def parallel_figure(data: ParallelData, width: str | float = "page") -> Figure:
    """Draw the trials as lines, good ones dark and on top, with the ends of each coordinate in numbers."""

    from matplotlib import colormaps
    from matplotlib.collections import LineCollection

    inches = inches_of(width)
    count = len(data.coordinates)
    with style():
        figure = sheet(inches, 2.6)
        axes = figure.add_subplot()
        order = np.argsort(data.shades)
        lines = [np.column_stack([np.arange(count), row])[~np.isnan(row)] for row in data.heights[order]]
        colours = colormaps["cividis_r"](0.1 + 0.9 * data.shades[order])
        axes.add_collection(LineCollection(lines, colors=colours, linewidths=0.7, alpha=0.7))
        for place, coordinate in enumerate(data.coordinates):
            axes.axvline(place, color="black", linewidth=0.6)
            low, high = _ends(coordinate)
            axes.text(place, -0.02, low, ha="center", va="top", fontsize=6)
            axes.text(place, 1.02, high, ha="center", va="bottom", fontsize=6)
        axes.set_xticks(range(count), [coordinate.name for coordinate in data.coordinates])
        axes.tick_params(axis="x", length=0, pad=12)
        axes.set_yticks([])
        axes.set_ylim(0, 1)
        axes.set_xlim(-0.3, count - 0.7)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.grid(visible=False)
        figure.suptitle(f"{title(data.method)}: good trials are dark", fontsize=7, x=0.99, ha="right")
    return figure


def _ends(coordinate: Slice) -> tuple[str, str]:
    if coordinate.words:
        return coordinate.words[0], coordinate.words[-1]
    low, high = np.nanmin(coordinate.numbers), np.nanmax(coordinate.numbers)
    return f"{low:.3g}", f"{high:.3g}"
