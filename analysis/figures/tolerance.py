"""Figure of compression against tolerance: what each method keeps when a little accuracy may go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.axes import Axis, Points, axes_of
from analysis.figures.style import blank, legend, style
from analysis.palette import in_order, looks
from analysis.statistics import DEFAULT, Answers, runs, tolerances
from study.directory import StudyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ToleranceData:
    """All that the figure shows.

    Attributes:
        curves: by method (n, 4) of tolerance in printed units, share kept in %, and the band's two ends; NaN where no
            network reaches the bound, or where there is no band.
        band: what the band is, in words; empty where there is none.
    """

    score: Axis
    count: Axis
    curves: dict[str, Points]
    band: str


def tolerance_data(
    trials: pd.DataFrame, objectives: tuple[str, ...] = DEFAULT, *, answers: Answers | None = None
) -> ToleranceData:
    """Share of the dense count kept from 0 to 5 points (or %) below the dense baseline; see `analysis.tolerances`.

    Raises:
        ValueError: no score and count among the objectives, or nothing to compare with.
    """
    axes = axes_of(objectives)
    score, count = next((a for a in axes if a.is_score), None), next((a for a in axes if not a.is_score), None)
    if score is None or count is None:
        raise StudyError(f"objectives: expected a score and a count, but got {tuple(objectives)}")
    found = tolerances(trials, answers, score=score.name, count=count.name)
    found = found.replace([np.inf, -np.inf], np.nan)
    if not found["share"].notna().any():
        raise StudyError("nothing to draw: no dense trial finished, or no network comes within 5 points of it")
    curves = {}
    for method in in_order(found["method"].unique()):
        part = found[found["method"] == method]
        curves[method] = 100 * part[["within", "share", "low", "high"]].to_numpy(np.float64)
    searches = int(runs(trials).nunique())
    known = bool(found["low"].notna().any())
    what = f"95 % t interval over {searches} searches" if searches > 1 else "90 % interval over examples"
    return ToleranceData(score, count, curves, f"band: {what}" if known else "")


def tolerance_figure(data: ToleranceData, width: str | float = "column") -> Figure:
    """Draw a falling staircase per method, with its band."""
    with style():
        figure = blank(width, len(data.curves))
        axes = figure.add_subplot()
        for method, look in looks(data.curves).items():
            within, share, low, high = data.curves[method].T
            top = np.where(np.isnan(high), 100.0, high)
            band: dict[str, Any] = {"color": look.colour, "alpha": 0.07, "linewidth": 0}
            axes.fill_between(within, low, top, where=~np.isnan(low), step="post", **band)
            axes.plot(within, share, color=look.colour, linestyle=look.line, drawstyle="steps-post", label=look.title)
        unit = "points" if data.score.percent else "%"
        axes.set_xlabel(f"Tolerated loss of validation {data.score.name} / {unit}")
        axes.set_ylabel(f"Kept {data.count.name} / % of dense  (← better)")
        axes.set_yscale("log")
        axes.set_xlim(0, 5)
        if data.band:
            axes.set_title(data.band, loc="right", fontsize=6, pad=2)
        legend(figure)
    return figure
