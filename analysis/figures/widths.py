"""Figure of the layers along a front: which ones a method thins first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.axes import Axis, Points
from analysis.figures.learning import LAYERS
from analysis.figures.plane import oriented, printed
from analysis.figures.style import inches_of, sheet, style
from analysis.palette import title
from analysis.statistics import DEFAULT, distinct, pareto
from study.directory import StudyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class WidthsData:
    """One method's front from its smallest network to its largest.

    Attributes:
        points: (k, 2) of the count and the score, in printed units.
        widths, dense: live units (k, L), and units of the dense network (k, L).
    """

    method: str
    count: Axis
    score: Axis
    points: Points
    widths: Points
    dense: Points


def widths_data(trials: pd.DataFrame, method: str, objectives: Sequence[str] = DEFAULT) -> WidthsData:
    """Live units per layer of the networks on a method's front, one for each point of it.

    Raises:
        ValueError: not two objectives, or no network on the front whose widths are known.
    """
    x, y = (axis.within(trials) for axis in oriented(objectives))
    front = distinct(pareto(trials[trials["method"] == method], objectives), objectives)
    front = front[front["widths"].notna()].sort_values([x.column, y.column])
    if front.empty:
        raise StudyError(f"expected a method with networks on its front, got {method!r}, which has none")
    widths, dense = (np.array([list(row) for row in front[name]], dtype=np.float64) for name in _COLUMNS)
    return WidthsData(method, x, y, printed(front, x, y), widths, dense)


_COLUMNS = ("widths", "dense_widths")


def widths_figure(data: WidthsData, width: str | float = "column") -> Figure:
    """Draw a map: a column per network, a row per layer, shaded by the share of the layer's units that live."""
    share = data.widths / data.dense
    count, layers = share.shape
    inches = inches_of(width)
    with style():
        figure = sheet(inches, 1.2 + 0.25 * min(layers, 20))
        axes = figure.add_subplot()
        image = axes.imshow(100 * share.T, aspect="auto", cmap=LAYERS, vmin=0, vmax=100)
        axes.set_xticks(range(count), [f"{value:g}" for value in data.points[:, 0]], rotation=90 if count > 8 else 0)
        axes.set_yticks(range(layers), [f"layer {layer + 1}" for layer in range(layers)])
        if count <= 12 and layers <= 12:
            for (column, row), part in np.ndenumerate(share):
                colour = "white" if part < 0.5 else "black"
                text = f"{data.widths[column, row]:g}"
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=6)
        axes.grid(visible=False)
        axes.set_xlabel(f"{data.count.title} of the networks on the front of {title(data.method)}")
        figure.colorbar(image, ax=axes, label="Live units / %", fraction=0.05)
    return figure
