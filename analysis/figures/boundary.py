"""Figure of a classifier of points in the plane: where it says what, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.axes import Points
from analysis.figures.style import inches_of, sheet, style
from study.directory import StudyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FILLS, _DOTS, _MARKERS = ("#9ecae1", "#fdd0a2", "#c7e9c0"), ("#0072B2", "#D55E00", "#009E73"), "osD"


@dataclass(frozen=True)
class BoundaryData:
    """Points (n, 2) with classes (n,), and the class (g, g) predicted on the grid across x up."""

    points: Points
    labels: NDArray[np.int_]
    across: Points
    up: Points
    predicted: NDArray[np.int_]


Boundaries = Mapping[tuple[str, str], BoundaryData]
"""By study and trial."""


def boundary_data(
    predict: Callable[[Points], Points], points: Points, labels: NDArray[np.int_], *, grid: int = 200
) -> BoundaryData:
    """The predictions of a network on a grid around its data.

    Args:
        predict: from inputs (m, 2) to scores (m, classes), such as the forward of an exported network.
        points, labels: data (n, 2) and classes (n,) from 0, at most three of them.

    Raises:
        ValueError: the data does not lie in a plane, or has more classes.
    """
    points, labels = np.asarray(points, dtype=np.float64), np.asarray(labels)
    if points.ndim != 2 or points.shape[1] != 2 or labels.max() >= len(_DOTS):
        raise StudyError(f"expected points (n, 2) of at most {len(_DOTS)} classes, got {points.shape}, {labels.max()}")
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.1 * (high - low)
    across, up = (np.linspace(*limits, grid) for limits in zip(low - margin, high + margin, strict=True))
    corners = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    scores = np.asarray(predict(corners))
    return BoundaryData(points, labels, across, up, scores.argmax(axis=1).reshape(grid, grid))


def boundary_figure(data: BoundaryData, width: str | float = "column") -> Figure:
    """Draw the regions of the classes, their border, and the data."""

    from matplotlib.colors import ListedColormap

    inches = inches_of(width)
    classes = int(max(data.labels.max(), data.predicted.max())) + 1
    with style():
        figure = sheet(inches, 0.75 * inches)
        axes = figure.add_subplot()
        axes.pcolormesh(
            data.across, data.up, data.predicted, cmap=ListedColormap(_FILLS[:classes]), vmin=0, vmax=classes - 1
        )
        if len(np.unique(data.predicted)) > 1:
            borders = np.arange(classes - 1) + 0.5
            axes.contour(data.across, data.up, data.predicted, levels=borders, colors="black", linewidths=0.8)
        for label in range(classes):
            own = data.points[data.labels == label]
            axes.plot(*own.T, linestyle="", marker=_MARKERS[label], color=_DOTS[label], markersize=2.2, alpha=0.8)
        axes.grid(visible=False)
        axes.set_aspect("equal")
        axes.set_xlabel("$x_1$")
        axes.set_ylabel("$x_2$")
    return figure
