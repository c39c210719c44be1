"""Figures over data sets: average ranks with what no test tells apart, and the fronts of every set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from analysis.axes import measured
from analysis.figures.front import FrontData, draw_front, front_data
from analysis.figures.style import inches_of, legend, sheet, style
from analysis.palette import looks, title
from analysis.statistics import alike, critical_difference, ranks, wilcoxon_holm
from analysis.studies import Study
from study.directory import StudyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class RanksData:
    """All that the figure shows.

    Attributes:
        average: average rank by method, best first.
        groups: methods next to each other of which no test (Wilcoxon, Holm) tells any two apart.
        critical: Nemenyi's critical difference.
    """

    average: dict[str, float]
    groups: tuple[tuple[str, ...], ...]
    critical: float
    sets: int


def ranks_data(scores: pd.DataFrame, *, maximise: bool = True, alpha: float = 0.05) -> RanksData:
    """Average ranks of methods over data sets, a row each; `analysis.scores_over_sets` makes the frame.

    Raises:
        ValueError: fewer than two methods have a score on every set.
    """
    average = ranks(scores, maximise=maximise).mean().sort_values(kind="stable")
    if len(average) < 2:
        raise StudyError("scores: expected two methods or more with a score on every set")
    groups = alike(average, wilcoxon_holm(scores), alpha)
    critical = critical_difference(len(average), len(scores), alpha)
    return RanksData({str(name): float(rank) for name, rank in average.items()}, groups, critical, len(scores))


def ranks_figure(data: RanksData, width: str | float = "column") -> Figure:
    """Draw the ranks on a line, a bar under methods that cannot be told apart, and the critical difference."""
    inches = inches_of(width)
    count = len(data.average)
    half = -(-count // 2)
    with style():
        figure = sheet(inches, 0.9 + 0.2 * half + 0.08 * len(data.groups))
        axes = figure.add_subplot()
        low, high = 1.0, float(count)
        axes.set_xlim(low - 0.35 * (high - low), high + 0.35 * (high - low))
        depth = len(data.groups) * 0.35 + half
        axes.set_ylim(depth + 0.6, -1.7)
        axes.plot([low, high], [0, 0], color="black", linewidth=0.8)
        for rank in range(1, count + 1):
            axes.plot([rank, rank], [-0.12, 0], color="black", linewidth=0.8)
            axes.text(rank, -0.2, str(rank), ha="center", va="bottom", fontsize=6)
        shown = looks(data.average)
        for place, (method, average) in enumerate(data.average.items()):
            left = place < half
            at = len(data.groups) * 0.35 + 0.55 + (place if left else count - 1 - place)
            end = low - 0.05 * (high - low) if left else high + 0.05 * (high - low)
            axes.plot([average, average, end], [0, at, at], color=shown[method].colour, linewidth=0.9)
            axes.plot([average], [0], color=shown[method].colour, marker=shown[method].marker, markersize=4, zorder=4)
            text = f"{title(method)} {average:.2f}" if left else f"{average:.2f} {title(method)}"
            axes.text(
                end, at, f"{text} " if left else f" {text}", ha="right" if left else "left", va="center", fontsize=6
            )
        for place, group in enumerate(data.groups):
            ends = [data.average[group[0]] - 0.04, data.average[group[-1]] + 0.04]
            axes.plot(ends, [0.25 + 0.35 * place] * 2, color="black", linewidth=2.4, solid_capstyle="round")
        if data.critical <= high - low:
            axes.plot([low, low + data.critical], [-0.85] * 2, color="black", linewidth=1.2, marker="|", markersize=5)
            middle, text = low + data.critical / 2, f"critical difference {data.critical:.2f} (Nemenyi)"
            axes.text(middle, -1.05, text, ha="center", va="bottom", fontsize=6)
        axes.axis("off")
        told = f"average rank over {data.sets} data sets; bars: not told apart (Wilcoxon, Holm)"
        figure.suptitle(told, fontsize=7, x=0.01, ha="left")
    return figure


def fronts_over_sets_data(study: Study) -> dict[str, FrontData]:
    """The fronts of each study in its own score and count; what has nothing to draw is left out.

    Raises:
        ValueError: no study has anything to draw.
    """
    found = {}
    for name, config in study.configs.items():
        own = study.trials[study.trials["study"] == name]
        try:
            score, counts = measured(own, tuple(config["objectives"]))
            found[name] = front_data(own, (score.name, counts[0].name))
        except StudyError:
            continue
    if not found:
        raise StudyError("nothing to draw: no study has a complete trial with a score and a count")
    return found


def fronts_over_sets_figure(data: dict[str, FrontData], width: str | float = "page") -> Figure:
    """Draw small multiples: a panel per data set, each in its own plane, one legend for all."""
    inches = inches_of(width)
    columns = min(len(data), max(1, int(inches / 2.2)))
    rows = -(-len(data) // columns)
    with style():
        figure = sheet(inches, 0.6 + 1.9 * rows)
        panels = figure.subplots(rows, columns, squeeze=False)
        for panel in panels.flat[len(data) :]:
            panel.remove()
        known = list(dict.fromkeys(cloud.method for one in data.values() for cloud in one.clouds))
        labelled: set[str] = set()
        for panel, (name, one) in zip(panels.flat, data.items(), strict=False):
            draw_front(panel, one, looks(known))
            panel.set_title(name, loc="left", fontsize=7)
            for handle in panel.lines:
                label = str(handle.get_label())
                if label in labelled:
                    handle.set_label("_nolegend_")
                elif not label.startswith("_"):
                    labelled.add(label)
            panel.set_ylabel(panel.get_ylabel(), fontsize=6)
        legend(figure)
    return figure
