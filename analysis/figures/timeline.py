"""Figure of the run itself: when each pack trained, and by the same clock the hypervolume and the epochs trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.axes import Points
from analysis.figures.style import inches_of, legend, sheet, style
from analysis.palette import in_order, looks
from analysis.statistics import BASELINE, DEFAULT, Reference, packs, reference_of, trajectory
from analysis.units import unit_of
from study.directory import StudyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class TimelineData:
    """All that the figure shows, by one clock in `unit`, from the start of the first pack.

    Attributes:
        bars: a row per pack as `analysis.packs` gives them, `start` and `end` in `unit`.
        volumes: (n, 2) of the time and the hypervolume so far, for each method but dense.
        epochs: (n, 2) of the time and the epochs of trials that had been trained, over all methods.
        box: the reference point in words.
    """

    unit: str
    bars: pd.DataFrame
    volumes: dict[str, Points]
    epochs: Points
    box: str


def timeline_data(
    trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT, *, reference: Reference | None = None
) -> TimelineData:
    """When the packs of one study trained, and how the search came on.

    Raises:
        ValueError: no pack has finished, or the objectives give no box.
    """
    bars = packs(trials)
    if bars.empty:
        raise StudyError("nothing to draw: no pack has finished and told how long it took")
    box = reference or reference_of(trials, objectives)
    unit, scale = unit_of(float(bars["end"].max()))
    last = trials["finished_at"].max()
    volumes = {}
    for method in in_order(set(trials["method"].astype(str)) - {BASELINE}):
        own = trials[(trials["method"] == method) & trials["finished_at"].notna()]
        if own.empty:
            continue
        began = float(bars["end"].max()) - (last - own["finished_at"].min()).total_seconds()
        path = trajectory(own, objectives, over="wall_seconds", reference=box).sort_values("wall_seconds")
        # The trials of a pack finish together: of a moment the last value counts.
        path = path.assign(wall_seconds=path["wall_seconds"].round(1)).drop_duplicates("wall_seconds", keep="last")
        at = (began + path["wall_seconds"].to_numpy(np.float64)) / scale
        volumes[method] = np.column_stack([at, path["hypervolume"].to_numpy(np.float64)])
    ends = bars.sort_values("end", kind="stable")
    epochs = np.column_stack([ends["end"] / scale, ends["epochs"].cumsum()]).astype(np.float64)
    bars = bars.assign(start=bars["start"] / scale, end=bars["end"] / scale)
    return TimelineData(unit, bars, volumes, np.vstack([[0.0, 0.0], epochs]), str(box))


def timeline_figure(data: TimelineData, width: str | float = "page") -> Figure:
    """Draw a line of bars for each worker, then hypervolume and epochs by the same clock."""
    from matplotlib.ticker import EngFormatter, MaxNLocator

    inches = inches_of(width)
    lines = int(data.bars["line"].max()) + 1
    methods = in_order(data.bars["method"].unique())
    with style():
        figure = sheet(inches, 3.4 + 0.14 * min(lines, 16))
        ratios = [0.6 + 0.25 * min(lines, 16), 2.0, 1.2]
        above, middle, below = figure.subplots(3, 1, sharex=True, height_ratios=ratios)
        for method, look in looks(methods).items():
            own = data.bars[data.bars["method"] == method]
            spans = own["end"] - own["start"]
            above.barh(
                own["line"], spans, left=own["start"], height=0.8, color=look.colour, edgecolor="white", linewidth=0.4
            )
            marks = {"color": look.colour, "linestyle": look.line, "label": look.title}
            if method in data.volumes:
                path = data.volumes[method]
                middle.plot(*path.T, drawstyle="steps-post", **marks)
                middle.plot(*path[-1], color=look.colour, marker=look.marker, markersize=4, clip_on=False)
            else:
                middle.plot([], [], **marks)
        above.set_ylabel("Worker" if data.bars["worker"].notna().all() else "Packs\nat once")
        above.set_yticks(range(lines) if lines <= 8 else [])
        above.set_yticklabels([str(line + 1) for line in range(lines)] if lines <= 8 else [])
        above.invert_yaxis()
        above.grid(axis="y", visible=False)
        middle.set_ylabel("Hypervolume\n(better →)")
        middle.set_title(f"share of the box up to {data.box}", loc="right", fontsize=6, pad=2)
        below.step(*data.epochs.T, where="post", color="black")
        below.set_ylabel("Epochs\nof trials")
        below.yaxis.set_major_formatter(EngFormatter(sep=""))
        below.yaxis.set_major_locator(MaxNLocator(3))
        below.set_xlabel(f"Time since the first pack began / {data.unit}")
        below.set_xlim(left=0)
        legend(figure)
    return figure
