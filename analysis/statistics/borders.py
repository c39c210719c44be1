"""Whether a front lies at the border of a range that was searched: then better trials may lie beyond it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

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
        parameter: without its prefix; ``low`` and ``high``: its range, searched by its logarithm where ``log``.
        end: "lower" or "upper".
        near: points of the front within 5 % of that end, of ``points`` in all.
        alike: the methods that search this parameter over the same range, this one among them.
    """

    method: str
    parameter: str
    low: float
    high: float
    log: bool
    end: str
    near: int
    points: int
    alike: tuple[str, ...]

    @property
    def share(self) -> float:
        return self.near / self.points

    @property
    def wider(self) -> tuple[float, float]:
        """The range with its end further out: twice as far by its logarithm, a share halfway to 1, else by half."""
        width = self.high - self.low
        if self.end == "upper":
            share = self.low >= 0 and self.high < 1
            beyond = (self.high + 1) / 2 if share else self.high + width / 2
            return self.low, 2 * self.high if self.log else beyond
        beyond = self.low / 2 if self.low > 0 else self.low - width / 2
        return beyond, self.high

    def __str__(self) -> str:
        return (
            f"{title(self.method)}: {self.parameter} ({self.low:.2g} to {self.high:.2g}), {self.share:.0%} of "
            f"the front's {self.points} points within {NEAR:.0%} of the {self.end} end"
        )


def borders(
    trials: pd.DataFrame,
    config: Mapping[str, Any],
    objectives: Sequence[str] = DEFAULT,
    *,
    declared: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[Border, ...]:
    """The fronts of a study that lie at the border of a range, by method and parameter.

    A share cannot be less than 0 or more than 1: an end there is no border.

    Args:
        trials: of one study.
        config: its resolved YAML.
        declared: Optuna's distributions that the parameters were drawn from, by method and parameter (`Study.spaces`);
            else the YAML's ranges count, or what was drawn, logarithmic where they span a decade.
    """
    axes_of(objectives)
    groups = {method: trials[trials["method"] == method] for method in in_order(trials["method"].unique())}
    groups = {method: own for method, own in groups.items() if len(own) >= ENOUGH}
    ranges = {
        (method, column.removeprefix(PARAMETER)): _range(method, column, own[column], config, declared or {})
        for method, own in groups.items()
        for column in searched(own)
        if own[column].dtype.kind == "f"
    }
    found: list[Border] = []
    for (method, name), drawn in ranges.items():
        if method == BASELINE or not drawn.high > drawn.low:
            continue
        front = distinct(pareto(groups[method], objectives), objectives)[f"{PARAMETER}{name}"].dropna()
        alike = tuple(other for (other, what), its in ranges.items() if what == name and its == drawn)
        found += _at(method, name, drawn, front, alike)
    return tuple(found)


class _Range(NamedTuple):
    low: float
    high: float
    log: bool


def _range(
    method: str,
    column: str,
    drawn: "pd.Series[float]",
    config: Mapping[str, Any],
    declared: Mapping[str, Mapping[str, Any]],
) -> _Range:
    name = column.removeprefix(PARAMETER)
    given = declared.get(method, {}).get(name)
    if given is not None and hasattr(given, "low"):
        return _Range(float(given.low), float(given.high), bool(given.log))
    space = ((config.get("methods") or {}).get(method) or {}).get("space") or {}
    ends = _ends(space.get(name), float(drawn.min()), float(drawn.max()))
    return _Range(*ends, logarithmic(pd.Series(ends)))


def _at(method: str, name: str, drawn: _Range, front: "pd.Series[float]", alike: tuple[str, ...]) -> Iterator[Border]:
    low, high, log = drawn
    scale = np.log if log else np.asarray
    place = (scale(front) - scale(low)) / (scale(high) - scale(low))
    near = {"lower": int((place <= NEAR).sum()), "upper": int((place >= 1 - NEAR).sum())}
    share = not log and low >= 0 and high <= 1
    natural = {"lower": share and low == 0, "upper": share and high == 1}
    for end, count in near.items():
        if count >= POINTS and count >= SHARE * len(front) and not natural[end]:
            yield Border(method, name, low, high, log, end, count, len(front), alike)


def _ends(setting: object, low: float, high: float) -> tuple[float, float]:
    """Of a range as a study writes it, [low, high] or {low: .., high: ..}; else those given."""
    match setting:
        case [int() | float() as first, int() | float() as last]:
            return float(first), float(last)
        case Mapping():
            ends = [setting.get("low", low), setting.get("high", high)]
            return float(ends[0]), float(ends[1])
    return low, high
