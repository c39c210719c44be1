"""Figure of slices: each searched parameter of a method against an objective, later trials darker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.axes import Axis, Points, axes_of
from analysis.figures.style import inches_of, sheet, style
from analysis.palette import title
from analysis.statistics import admissible, logarithmic, searched
from study.directory import PARAMETER, StudyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Slice:
    """One parameter: its values as numbers (n,), the words they stand for if it has words, and its scale."""

    name: str
    numbers: Points
    words: tuple[str, ...]
    log: bool


@dataclass(frozen=True)
class SlicesData:
    """One method's trials: the objective in printed units (n,), when each was asked (n,), and a slice per parameter."""

    method: str
    objective: Axis
    score: Points
    order: Points
    slices: tuple[Slice, ...]


def slices_data(trials: pd.DataFrame, method: str, objective: str = "accuracy") -> SlicesData:
    """What each parameter of a method had to do with an objective.

    Raises:
        ValueError: the method has no complete trial, or searched nothing.
    """
    (axis,) = axes_of((objective,))
    own = trials[(trials["method"] == method) & admissible(trials, (objective,))]
    names = searched(own)
    if not names:
        raise StudyError(f"expected a method with complete trials and parameters that vary, got {method!r}")
    score, order = own[axis.column].to_numpy(np.float64), own["number"].to_numpy(np.float64)
    slices = tuple(slice_of(own[name], name.removeprefix(PARAMETER)) for name in names)
    return SlicesData(method, axis, score * axis.scale, order, slices)


def slice_of(values: pd.Series[Any], name: str) -> Slice:
    """The values of one parameter; words are numbered by the alphabet, missing values are NaN."""
    if values.dtype.kind == "f":
        return Slice(name, values.to_numpy(np.float64), (), logarithmic(values))
    words = pd.Categorical(values)
    codes = np.where(words.codes < 0, np.nan, words.codes.astype(np.float64))
    return Slice(name, codes, tuple(map(str, words.categories)), False)


def slices_figure(data: SlicesData, width: str | float = "page") -> Figure:
    """Draw a panel per parameter, all with the same y axis; a logarithmic scale where values span a decade."""

    from matplotlib.ticker import NullFormatter

    inches = inches_of(width)
    columns = min(len(data.slices), max(1, int(inches / 1.7)))
    rows = -(-len(data.slices) // columns)
    with style():
        figure = sheet(inches, 0.3 + 1.6 * rows)
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
        for panel in panels.flat[len(data.slices) :]:
            panel.remove()
        # None of the map's lightest tenth, which vanishes on white paper.
        shade = 1.0 - 0.9 * (data.order - data.order.min()) / max(np.ptp(data.order), 1.0)
        for panel, part in zip(panels.flat, data.slices, strict=False):
            panel.scatter(part.numbers, data.score, c=shade, cmap="cividis", vmin=0, vmax=1.1, s=7, linewidths=0)
            if part.log:
                panel.set_xscale("log")
                panel.xaxis.set_minor_formatter(NullFormatter())
            if part.words:
                panel.set_xticks(range(len(part.words)), part.words)
                panel.set_xlim(-0.5, len(part.words) - 0.5)
            panel.set_xlabel(part.name)
        arrow = "(better →)" if data.objective.maximise else "(← better)"
        for panel in panels[:, 0]:
            panel.set_ylabel(f"{data.objective.title}{' / %' if data.objective.percent else ''}\n{arrow}", fontsize=7)
        figure.suptitle(f"{title(data.method)}: later trials are darker", fontsize=7, x=0.99, ha="right")
    return figure
