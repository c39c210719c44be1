"""Figure of pairs: each two of a method's searched parameters against each other, shaded by what the trials reached."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.axes import Axis, Points, axes_of
from analysis.figures.slices import Slice, slice_of
from analysis.figures.style import inches_of, sheet, style
from analysis.palette import title
from analysis.statistics import admissible, searched
from study.directory import PARAMETER, StudyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 4
"""Parameters that are shown: six pairs."""


@dataclass(frozen=True)
class PairsData:
    """One method's trials: two parameters or more, all with the same trials (n,), and their scores.

    Attributes:
        shades: (n,) from 0, worst, to 1, best in the objective by rank.
    """

    method: str
    objective: Axis
    parameters: tuple[Slice, ...]
    shades: Points


def pairs_data(trials: pd.DataFrame, method: str, objective: str = "accuracy", *, most: int = MOST) -> PairsData:
    """The parameters of a method that bear most on an objective (by rank correlation), at most `most` of them.

    Raises:
        ValueError: the method has no complete trials with two parameters that vary.
    """
    (axis,) = axes_of((objective,), "objective")
    own = trials[(trials["method"] == method) & admissible(trials, (objective,))]
    slices = [slice_of(own[name], name.removeprefix(PARAMETER)) for name in searched(own)]
    if len(slices) < 2:
        raise StudyError(f"expected a method with complete trials and two parameters that vary, but got {method!r}")
    rank = np.asarray(own[axis.column].rank(ascending=axis.maximise, method="average"), dtype=np.float64)
    weight = [-abs(_correlation(part.numbers, rank)) for part in slices]
    chosen = [slices[index] for index in np.argsort(weight, kind="stable")[:most]]
    return PairsData(method, axis, tuple(chosen), (rank - 1) / max(len(own) - 1, 1))


def _correlation(values: Points, rank: Points) -> float:
    """Spearman's, of the trials that have the parameter; 0 where it is not defined."""
    known = ~np.isnan(values)
    if known.sum() < 3 or np.ptp(values[known]) == 0 or np.ptp(rank[known]) == 0:
        return 0.0
    return float(pd.Series(values[known]).corr(pd.Series(rank[known]), method="spearman"))


def pairs_figure(data: PairsData, width: str | float = "page") -> Figure:
    """Draw a panel per pair, good trials dark and on top."""

    inches = inches_of(width)
    pairs = list(combinations(data.parameters, 2))
    columns = min(len(pairs), max(1, int(inches / 2.2)))
    rows = -(-len(pairs) // columns)
    with style():
        figure = sheet(inches, 0.4 + 1.8 * rows)
        panels = figure.subplots(rows, columns, squeeze=False)
        for panel in panels.flat[len(pairs) :]:
            panel.remove()
        order = np.argsort(data.shades, kind="stable")
        for panel, (across, up) in zip(panels.flat, pairs, strict=False):
            look = {"c": data.shades[order], "cmap": "cividis_r", "vmin": -0.1, "vmax": 1.0, "s": 9, "linewidths": 0}
            drawn = panel.scatter(across.numbers[order], up.numbers[order], **look)
            _prepare(panel, "x", across)
            _prepare(panel, "y", up)
        bar = figure.colorbar(drawn, ax=list(panels.flat[: len(pairs)]), fraction=0.03, ticks=[0, 1])
        bar.ax.set_yticklabels(["worst", "best"])
        bar.set_label(f"{data.objective.title}, by rank", labelpad=-12)
        figure.suptitle(title(data.method), fontsize=7, x=0.01, ha="left")
    return figure


def _prepare(panel: Axes, which: str, part: Slice) -> None:
    from matplotlib.ticker import NullFormatter

    if part.log:
        panel.set(**{f"{which}scale": "log"})
        getattr(panel, f"{which}axis").set_minor_formatter(NullFormatter())
    if part.words:
        panel.set(**{f"{which}ticks": range(len(part.words)), f"{which}ticklabels": part.words})
    panel.set(**{f"{which}label": part.name})
