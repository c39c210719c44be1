"""How sure the numbers of a study are: intervals over its searches, one line per method."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from analysis.axes import Axis, axes_of
from analysis.palette import in_order, title
from analysis.statistics import (
    DEFAULT,
    FEW,
    Baseline,
    Reference,
    baseline,
    baseline_of_search,
    estimate,
    fewest,
    hypervolume,
    per_run,
    reference_of,
    said_of_runs,
    said_of_shape,
)
from analysis.text.summary import fewest_caption
from analysis.text.table import Column, Table


def intervals(
    trials: pd.DataFrame,
    objectives: Sequence[str] = DEFAULT,
    *,
    within: float = 0.01,
    reference: Reference | None = None,
    level: float = 0.95,
) -> Table:
    """Mean over searches and its t interval, of the hypervolume and of the fewest units that suffice.

    Columns of the frame: method, runs, then hypervolume and, given a score and a count, fewest (the smallest
    count within `within` of the dense baseline), each with `_low` and `_high`, and
    `_values`, those of the single searches where they are few. With one search there are no intervals, and the caption
    says so. See analysis.estimate.
    """
    axes = axes_of(objectives)
    score = next((axis for axis in axes if axis.is_score), None)
    count = next((axis for axis in axes if not axis.is_score), None)
    box = reference or reference_of(trials, objectives)
    control = baseline(trials, score.name) if score and count else None
    statistics: dict[str, Callable[[pd.DataFrame], float]] = {
        "hypervolume": lambda run: hypervolume(run, objectives, reference=box)
    }
    columns = [
        Column("method", "method", title),
        Column("hypervolume", "hypervolume", ".4f", spread=("hypervolume_low", "hypervolume_high")),
    ]
    caption = f"Hypervolume: share of the box up to {box}."
    if score and count and control:
        of_search = baseline_of_search(trials, score.name)
        statistics["fewest"] = lambda run: _smallest(run, count, score, of_search(run), within)
        columns.append(
            Column(
                "fewest",
                f"{count.least} {count.name}",
                count.form if count.unit else ".1f",
                spread=("fewest_low", "fewest_high"),
            )
        )
        caption += f" {fewest_caption(score, count, control, within)}"

    lines = []
    for method in in_order(trials["method"].unique()):
        group = trials[trials["method"] == method]
        line: dict[str, object] = {"method": method}
        for name, statistic in statistics.items():
            found = estimate(per_run(group, statistic), level=level)
            line |= {"runs": found.runs, name: found.mean}
            # Neither is ever less than nothing.
            line |= {
                f"{name}_low": max(found.low, 0.0) if found.low == found.low else np.nan,
                f"{name}_high": found.high,
            }
            line[f"{name}_values"] = ", ".join(map(_written, found.each)) if found.runs > 1 else ""
        lines.append(line)
    frame = pd.DataFrame(lines)
    if 1 < frame["runs"].max() < FEW:
        columns += [Column(f"{name}_values", f"each {name}", str) for name in statistics]
    behind = said_of_runs(frame["runs"], f"Mean [{100 * level:g} % t interval]", "intervals")
    caption += f" {said_of_shape(int(frame['runs'].max()))}" if level == 0.95 else ""
    return Table(frame, tuple(columns), f"{behind[0].upper()}{behind[1:]}. {caption.rstrip()}")


def _written(value: float) -> str:
    return f"{value:.4g}" if value == value else "–"


def _smallest(run: pd.DataFrame, count: Axis, score: Axis, control: Baseline | None, within: float) -> float:
    found = fewest(run, count.name, score.name, control.bound(score, within)) if control else None
    return np.nan if found is None else float(found[count.column])
