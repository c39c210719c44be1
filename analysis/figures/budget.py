"""Figure of the budget: what each method's trials cost, and how much of it gave no result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.style import blank, style
from analysis.palette import in_order, looks
from analysis.units import unit_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Spent:
    """One method: trials that are complete and others, and the training time of each, in `BudgetData.unit`."""

    method: str
    trials: int
    time: float
    other_trials: int
    other_time: float


@dataclass(frozen=True)
class BudgetData:
    """What each method spent. Time is device time: a pack's seconds are shared by its trials."""

    unit: str
    methods: tuple[Spent, ...]


def budget_data(trials: pd.DataFrame) -> BudgetData:
    """Trials and training time per method."""
    complete = trials["status"] == "COMPLETE"
    seconds = trials["train_seconds"].fillna(0.0)
    unit, scale = unit_of(seconds.groupby(trials["method"], observed=True).sum().max() if len(trials) else 0.0)
    methods = []
    for method in in_order(trials["method"].unique()):
        own = trials["method"] == method
        good, bad = own & complete, own & ~complete
        times = [float(seconds[mask].sum()) / scale for mask in (good, bad)]
        methods.append(Spent(method, int(good.sum()), times[0], int(bad.sum()), times[1]))
    return BudgetData(unit, tuple(methods))


def budget_figure(data: BudgetData, width: str | float = "column") -> Figure:
    """Draw a bar for each method: its training time, hatched where trials failed, and its trials in numbers."""
    with style():
        figure = blank(width)
        axes = figure.add_subplot()
        shown = looks(spent.method for spent in data.methods)
        for row, spent in enumerate(reversed(data.methods)):
            colour = shown[spent.method].colour
            axes.barh(row, spent.time, color=colour, height=0.65)
            axes.barh(row, spent.other_time, left=spent.time, height=0.65, fill=False, edgecolor=colour, hatch="////")
            failed = f", {spent.other_trials:,} failed" if spent.other_trials else ""
            text = f" {spent.trials + spent.other_trials:,} trials{failed}"
            axes.text(spent.time + spent.other_time, row, text, va="center", fontsize=6)
        axes.set_yticks(range(len(data.methods)), [shown[spent.method].title for spent in reversed(data.methods)])
        axes.grid(axis="y", visible=False)
        axes.margins(x=0.35)
        axes.set_xlim(left=0)
        axes.set_xlabel(f"Training time / device {data.unit}")
    return figure
