"""When a published number counts as reproduced: by the mean over the seeds, within a tolerance named beforehand."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from study.config import PublishedSettings, ReproductionSettings
from study.directory import UNPRUNED

_ABSOLUTE = ("test_accuracy", f"{UNPRUNED}test_accuracy")
_MORE_IS_BETTER = (
    *_ABSOLUTE,
    "test_score",
    "count_drop_neuron_compression",
    "neurons_removed",
    "parameters_removed",
)


@dataclass(frozen=True)
class Number:
    """A published number, None if there is none, beside those of the seeds. ``verdict``: "yes" within ``within`` of it,
    "better" beyond that on the better side, "no", or None where there is nothing to compare."""

    published: float | str | None
    within: float
    values: tuple[float | str, ...]
    mean: float | None
    sd: float | None
    verdict: str | None


def compared(
    entry: PublishedSettings,
    rules: ReproductionSettings,
    rows: Sequence[Mapping[str, Any]],
    others: Sequence[str] = (),
) -> dict[str, Number]:
    """By column of trials, for all numbers that were published, and ``others`` that rows have.

    Args:
        rows: the complete trials, one for each seed.
    """
    known = [name for name in others if any(row.get(name) is not None for row in rows)]
    published = dict.fromkeys(known) | entry.numbers()
    complete = [dict(row) | _removed(row) for row in rows]
    return {name: _number(name, value, rules, complete) for name, value in published.items()}


def _removed(row: Mapping[str, Any]) -> dict[str, float]:
    """Shares of what the dense network has."""
    sizes = [name for name in ("neurons", "parameters") if row.get(f"dense_{name}")]
    return {f"{name}_removed": 1 - row[name] / row[f"dense_{name}"] for name in sizes}


def verdict_of(numbers: Iterable[Number]) -> str:
    """Of an experiment run in full: "reproduced", "at least as good", "not reproduced", or "nothing published"."""
    verdicts = {number.verdict for number in numbers} - {None}
    if not verdicts:
        return "nothing published"
    if verdicts == {"yes"}:
        return "reproduced"
    return "not reproduced" if "no" in verdicts else "at least as good"


def _number(
    column: str, published: float | str | None, rules: ReproductionSettings, rows: Sequence[Mapping[str, Any]]
) -> Number:
    values = tuple(row[column] for row in rows if row.get(column) is not None)
    numbers = [value for value in values if not isinstance(value, str)]
    mean = statistics.fmean(numbers) if numbers else None
    sd = statistics.stdev(numbers) if len(numbers) > 1 else None
    if published is None or isinstance(published, str):
        return Number(published, 0.0, values, mean, sd, None)
    within = rules.accuracy_within if column in _ABSOLUTE else rules.others_within * abs(published)
    return Number(
        published, within, values, mean, sd, None if mean is None else _verdict(column, published, within, mean)
    )


def _verdict(column: str, published: float, within: float, mean: float) -> str:
    if abs(mean - published) <= within * (1 + 1e-9):
        return "yes"
    better = mean > published if column in _MORE_IS_BETTER else mean < published
    return "better" if better else "no"
