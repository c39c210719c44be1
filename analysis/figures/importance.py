"""Figure of parameter importance: for each method, which parameters decide about which objective."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.axes import axes_of
from analysis.figures.style import inches_of, legend, sheet, style
from analysis.palette import title
from study.directory import StudyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BARS = (("#0072B2", ""), ("#E69F00", "////"), ("#009E73", "...."), ("#CC79A7", "xxxx"))


def importance_figure(found: pd.DataFrame, width: str | float = "column") -> Figure:
    """Draw bars by objective for the parameters of each method, the most important first.

    Args:
        found: frame of `analysis.importance`; ValueError where it is empty.
    """
    if found.empty:
        raise StudyError("nothing to draw: no method has enough complete trials with parameters that vary")
    objectives = axes_of(found["objective"].unique())
    groups = dict(list(found.groupby("method", sort=False)))
    names = {method: _by_weight(part) for method, part in groups.items()}
    inches = inches_of(width)
    height = 0.6 + 0.45 * len(groups) + 0.09 * (len(objectives) + 0.5) * sum(map(len, names.values()))
    with style():
        figure = sheet(inches, height)
        ratios = [len(part) + 1 for part in names.values()]
        panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
        for panel, (method, part) in zip(panels, groups.items(), strict=True):
            rows = np.arange(len(names[method]))
            thick = 0.8 / len(objectives)
            for index, objective in enumerate(objectives):
                shares = part[part["objective"] == objective.name].set_index("parameter")["importance"]
                colour, hatch = _BARS[index % len(_BARS)]
                label = objective.title if panel is panels[0] else None
                values = shares.reindex(names[method]).fillna(0.0)
                ranges = part[part["objective"] == objective.name].set_index("parameter").reindex(names[method])
                panel.barh(
                    rows + (index + 0.5) * thick - 0.4,
                    100 * values,
                    thick,
                    color=colour,
                    hatch=hatch,
                    edgecolor="white",
                    linewidth=0,
                    label=label,
                )
                if "low" in ranges and ranges["low"].notna().all():
                    reach = 100 * np.stack([values - ranges["low"], ranges["high"] - values])
                    middle = rows + (index + 0.5) * thick - 0.4
                    panel.errorbar(100 * values, middle, xerr=reach, fmt="none", ecolor="black", elinewidth=0.6)
            panel.set_yticks(rows, names[method])
            panel.invert_yaxis()
            panel.grid(axis="y", visible=False)
            panel.set_title(title(method), loc="left", fontsize=7)
        panels[-1].set_xlabel("Importance (PED-ANOVA) / %, lines: 90 % intervals")
        legend(figure)
    return figure


def _by_weight(part: pd.DataFrame) -> list[str]:
    """The parameters of a method, by their summed importance."""
    weight = part.groupby("parameter")["importance"].sum()
    return [str(name) for name in weight.sort_values(ascending=False, kind="stable").index]
