"""Whether a front lies at the border of a range that was searched: then better trials may lie beyond it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.axes import axes_of
from analysis.palette import in_order, title
from analysis.statistics.definitions import BASELINE, DEFAULT, distinct, pareto
from analysis.statistics.parameters import ENOUGH, logarithmic, searched
from study.directory import PARAMETER

NEAR = 0.05
"""Of a range, on the scale that it is searched on: so close to an end is at the border."""
SHARE, POINTS = 1 / 3, 3
"""A front lies at a border if this share of its points does, and so many; by chance a twentieth would."""


@dataclass(frozen=True)
class Border:
    """A front at an end of a range.

    Attributes:
        parameter: without its prefix; ``low`` and ``high``: its range.
        end: "lower" or "upper".
        near: points of the front within 5 % of that end, of ``points`` in all.
    """

    method: str
    parameter: str
    low: float
    high: float
    end: str
    near: int
    points: int

    @property
    def share(self) -> float:
        return self.near / self.points

    def __str__(self) -> str:
        return (
            f"{title(self.method)}: {self.parameter} ({self.low:.2g} to {self.high:.2g}), {self.share:.0%} of "
            f"the front's {self.points} points within {NEAR:.0%} of the {self.end} end"
        )


def borders(trials: pd.DataFrame, config: Mapping[str, Any], objectives: Sequence[str] = DEFAULT) -> tuple[Border, ...]:
    """The fronts of a study that lie at the border of a range, by method and parameter.

    Args:
        trials: of one study.
        config: its resolved YAML, whose ranges count; one that it does not name reaches as far as it was drawn.
    """
    axes_of(objectives)
    found = []
    for method in in_order(trials["method"].unique()):
        own = trials[trials["method"] == method]
        if method == BASELINE or len(own) < ENOUGH:
            continue
        front = distinct(pareto(own, objectives), objectives)
        space = ((config.get("methods") or {}).get(method) or {}).get("space") or {}
        for column in searched(own):
            if own[column].dtype.kind == "f":
                found += _at(method, column.removeprefix(PARAMETER), own[column], front[column].dropna(), space)
    return tuple(found)


def _at(
    method: str, name: str, drawn: "pd.Series[float]", front: "pd.Series[float]", space: Mapping[str, Any]
) -> list[Border]:
    low, high = _ends(space.get(name), float(drawn.min()), float(drawn.max()))
    if not high > low:
        return []
    scale = np.log if logarithmic(pd.Series([low, high])) else np.asarray
    place = (scale(front) - scale(low)) / (scale(high) - scale(low))
    near = {"lower": int((place <= NEAR).sum()), "upper": int((place >= 1 - NEAR).sum())}
    return [
        Border(method, name, low, high, end, count, len(front))
        for end, count in near.items()
        if count >= POINTS and count >= SHARE * len(front)
    ]


def _ends(setting: object, low: float, high: float) -> tuple[float, float]:
    """Of a range as a study writes it, [low, high] or {low: .., high: ..}; else those given."""
    match setting:
        case [int() | float() as first, int() | float() as last]:
            return float(first), float(last)
        case Mapping():
            ends = [setting.get("low", low), setting.get("high", high)]
            return float(ends[0]), float(ends[1])
    return low, high
