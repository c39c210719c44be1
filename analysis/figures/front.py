"""Figure of the fronts in two objectives: what is drawn (`front_data`) and the drawing (`front_figure`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.axes import Axis, Points
from analysis.figures.plane import Plane, oriented, plane_of, printed
from analysis.figures.style import blank, legend, style
from analysis.palette import Look, in_order, looks
from analysis.statistics import (
    BASELINE,
    BOUND,
    DEFAULT,
    Baseline,
    admissible,
    baseline,
    collapsed,
    configurations,
    fewest,
    front_mask,
)
from study.directory import StudyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Cloud:
    """One method's trials, in printed units (accuracy in %), as (n, 2) arrays of x and y.

    Attributes:
        front: the distinct non-dominated configurations, by ascending x.
        stairs: corners of the boundary of the region that the front dominates.
        dominated: the other admissible trials, single ones; with several seeds all of them.
    """

    method: str
    front: Points
    stairs: Points
    dominated: Points


@dataclass(frozen=True)
class Mark:
    """A published result, in printed units."""

    label: str
    source: str
    x: float
    y: float


@dataclass(frozen=True)
class Selected:
    """A network that validation data chose, in printed units: its count, validation and test score."""

    method: str
    x: float
    y: float
    test: float


@dataclass(frozen=True)
class FrontData:
    """All that the figure shows.

    Attributes:
        clouds: one for each method but the dense baseline.
        dense: x and y of the dense baseline, None where there is none.
        below: how many admissible trials lie under the plane.
        collapsed: how many complete trials fall short of what the study requires; they are not drawn.
        published: others' results that have both objectives.
        selected: of each method the smallest network at 98 % of the dense score, with its test score.
        bounds: what the search respected, by axis ("x", "y"), where the studies shown agree on it.
        error: the binomial standard error of an accuracy like the best, in points; None where examples are not known.
    """

    plane: Plane
    clouds: tuple[Cloud, ...]
    dense: tuple[float, float] | None
    below: int
    published: tuple[Mark, ...] = ()
    collapsed: int = 0
    selected: tuple[Selected, ...] = ()
    error: float | None = None
    bounds: tuple[tuple[str, float], ...] = ()


def front_data(
    trials: pd.DataFrame,
    objectives: Sequence[str] = DEFAULT,
    *,
    span: float | None = 10.0,
    published: Sequence[Mapping[str, Any]] = (),
) -> FrontData:
    """Fronts and dominated trials per method in two objectives, a score on y and a count on x.

    Args:
        trials: frame of `analysis.load`.
        objectives: two names.
        span: how many points below the best accuracy the y axis reaches at most, so that networks one would
            use are told apart (`below` counts the others); None shows everything. Losses are shown whole.
        published: others' results as in `Study.published`; shown are those that have both objectives.

    Raises:
        ValueError: not two objectives, or no trial that may be drawn.
    """
    x, y = (axis.within(trials) for axis in oriented(objectives))
    usable = trials[admissible(trials, objectives)]
    if usable.empty:
        raise StudyError("nothing to draw: no complete trial has both objectives (see analysis.left_out)")
    values = printed(usable, x, y)
    marks = marks_of(published, x, y)
    plane = plane_of(np.concatenate([values, [(mark.x, mark.y) for mark in marks]] if marks else [values]), x, y, span)
    clouds = []
    for method in in_order(usable["method"].unique()):
        if method == BASELINE:
            continue
        group = usable[usable["method"] == method]
        rows = configurations(trials[trials["method"] == method])
        mask = front_mask(rows, objectives)
        front = np.unique(printed(rows[mask], x, y), axis=0)
        alone = len(rows) == int((trials["method"] == method).sum())
        rest = group[~group.index.isin(rows.index[mask])] if alone else group
        clouds.append(Cloud(method, front, plane.staircase(front), printed(rest, x, y)))
    control, dense = baseline(usable, y.name) if y.is_score else None, None
    if control and not x.is_score and x.dense in usable:
        own = usable[usable["method"] == BASELINE]
        dense = (float(own[x.column].max()) * x.scale, control.validation * y.scale)
    short = int((collapsed(trials) & (trials["status"] == "COMPLETE")).sum())
    chosen = _selected(usable, x, y, control) if control and not x.is_score else ()
    error, bounds = _error(usable, y), (*_bound(usable, x, "x"), *_bound(usable, y, "y"))
    return FrontData(plane, tuple(clouds), dense, plane.below(values), marks, short, chosen, error, bounds)


def _bound(trials: pd.DataFrame, axis: Axis, side: str) -> tuple[tuple[str, float], ...]:
    """Where the search's constraint on an axis lies, in printed units."""
    column = f"{BOUND}{axis.column}"
    found = sorted(set(trials[column].dropna().astype(float))) if column in trials else []
    return ((side, found[0] * axis.scale),) if len(found) == 1 else ()


def _selected(trials: pd.DataFrame, x: Axis, y: Axis, control: Baseline) -> tuple[Selected, ...]:
    found = []
    for method in in_order(trials["method"].unique()):
        own = trials[trials["method"] == method]
        row = fewest(own, x.name, y.name, control.kept(y)) if method != BASELINE else None
        if row is not None and pd.notna(row[y.test]):
            values = (row[x.column] * x.scale, row[y.column] * y.scale, row[y.test] * y.scale)
            found.append(Selected(str(method), *map(float, values)))
    return tuple(found)


def _error(trials: pd.DataFrame, score: Axis) -> float | None:
    """sqrt(p (1 - p) / n) for the best accuracy p on n validation examples; of no error at all, that of one."""
    if score.name != "accuracy" or "val_examples" not in trials or not trials["val_examples"].notna().any():
        return None
    best, examples = float(trials[score.column].max()), float(trials["val_examples"].max())
    best = min(best, 1 - 1 / examples)
    return float(np.sqrt(best * (1 - best) / examples)) * score.scale


def marks_of(published: Sequence[Mapping[str, Any]], x: Axis, y: Axis) -> tuple[Mark, ...]:
    """The published results that have both objectives."""
    return tuple(
        Mark(entry["label"], entry["source"], entry[x.name] * x.scale, entry[y.name] * y.scale)
        for entry in published
        if entry.get(x.name) is not None and entry.get(y.name) is not None
    )


def front_figure(data: FrontData, width: str | float = "column") -> Figure:
    """Draw each front as a staircase, dominated trials faint, the dense baseline as a dotted line."""
    with style():
        figure = blank(width, len(data.clouds) + (data.dense is not None) + bool(data.published) + bool(data.selected))
        draw_front(figure.add_subplot(), data, looks(cloud.method for cloud in data.clouds))
        legend(figure)
    return figure


def draw_front(axes: Axes, data: FrontData, shown: Mapping[str, Look]) -> None:
    """All of the figure but its legend, in axes of whatever figure."""
    data.plane.prepare(axes)
    for cloud in data.clouds:
        _draw(axes, cloud, shown[cloud.method])
    if data.dense:
        draw_baseline(axes, data.dense)
    if data.selected:
        axes.plot([], [], linestyle="", marker=r"$\downarrow$", color="black", label="selected, to its test score")
    for mark in data.published:
        _draw_mark(axes, mark)
    if data.published:
        axes.plot([], [], linestyle="", label="published (test data)", **_PUBLISHED)
    for one in data.selected:
        draw_selected(axes, one, shown[one.method].colour)
    if data.error:
        draw_error(axes, data.error)
    for side, bound in data.bounds:
        draw_bound(axes, side, bound)
    data.plane.note_below(axes, data.below, "trial", f"{data.collapsed:,} collapsed" if data.collapsed else "")


def draw_selected(axes: Axes, one: Selected, colour: str) -> None:
    """An arrow from what validation said of a network to what test data say."""
    axes.annotate(
        "",
        (one.x, one.test),
        (one.x, one.y),
        annotation_clip=True,
        arrowprops={"arrowstyle": "-|>,head_width=0.15,head_length=0.3", "color": colour, "linewidth": 0.8},
        zorder=6,
    )


def draw_bound(axes: Axes, side: str, bound: float) -> None:
    """A thin line, as the search was to stay on the one side of it."""
    line = axes.axvline if side == "x" else axes.axhline
    low, high = axes.get_xlim() if side == "x" else axes.get_ylim()
    if min(low, high) <= bound <= max(low, high):
        line(bound, color="0.5", linestyle=(0, (4, 2)), linewidth=0.7, zorder=1)
        along = {"transform": axes.get_xaxis_transform() if side == "x" else axes.get_yaxis_transform()}
        place = (bound, 0.03) if side == "x" else (0.02, bound)
        axes.annotate(
            "constraint", place, (2, 2), along["transform"], "offset points", fontsize=6, color="0.4", va="bottom"
        )


def draw_error(axes: Axes, error: float) -> None:
    """A scale bar, as long as one standard error to each side: less than that is not resolved."""
    place: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "clip_on": True}
    middle = axes.get_ylim()[0] + 1.6 * error
    axes.errorbar([0.97], [middle], yerr=error, fmt="none", ecolor="black", elinewidth=0.8, capsize=2, **place)
    said = f"± {error:.2g} points\nstandard error"
    axes.text(0.955, 0.02, said, ha="right", va="bottom", fontsize=6, transform=axes.transAxes)  # bars may be short


def draw_baseline(axes: Axes, dense: tuple[float, float]) -> None:
    """The dense network as a star, its score as a line across."""
    look = looks([BASELINE])[BASELINE]
    axes.axhline(dense[1], color=look.colour, linestyle=look.line, linewidth=0.8, zorder=2)
    low, high = axes.get_xlim()
    # On the frame it is drawn whole; beyond it would push the axes out of the sheet.
    axes.plot(
        *dense, color=look.colour, marker=look.marker, markersize=7, clip_on=not low <= dense[0] <= high, zorder=5
    )
    axes.plot([], [], color=look.colour, marker=look.marker, linestyle=look.line, label=look.title)


_PUBLISHED: dict[str, Any] = {"marker": "d", "color": "black", "markerfacecolor": "white", "markersize": 5}


def _draw_mark(axes: Axes, mark: Mark) -> None:
    axes.plot(mark.x, mark.y, zorder=5, **_PUBLISHED)
    axes.annotate(mark.label, (mark.x, mark.y), (4, -3), textcoords="offset points", va="top", fontsize=6)


_MANY = 2000


def _draw(axes: Axes, cloud: Cloud, look: Look) -> None:
    faint: dict[str, Any] = {"markersize": 2.8, "alpha": 0.3, "markeredgewidth": 0}
    # A large cloud becomes an image in vector files, whose size would grow with it; fronts stay lines and markers.
    faint["rasterized"] = len(cloud.dominated) > _MANY
    axes.plot(*cloud.dominated.T, color=look.colour, linestyle="", marker=look.marker, **faint)
    axes.plot(*cloud.stairs.T, color=look.colour, linestyle=look.line, zorder=3)
    dots: dict[str, Any] = {
        "color": look.colour,
        "marker": look.marker,
        "markersize": 4.5,
        "markeredgecolor": "white",
        "markeredgewidth": 0.4,
    }
    axes.plot(*cloud.front.T, linestyle="", zorder=4, **dots)
    axes.plot([], [], linestyle=look.line, label=look.title, **dots)
