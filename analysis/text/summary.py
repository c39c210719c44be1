"""The table of a study: for each method how far it got, how good it is, and how small."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.axes import Axis, axes_of, expect_frame
from analysis.palette import in_order, title
from analysis.statistics import (
    DEFAULT,
    Baseline,
    Reference,
    admissible,
    baseline,
    best_of,
    configurations,
    distinct,
    estimate,
    fewest,
    hypervolume,
    narrowed,
    pareto,
    reference_of,
    runs,
)
from analysis.text.table import Column, Table

OVERALL = "all"


def summary(
    trials: pd.DataFrame,
    objectives: Sequence[str] = DEFAULT,
    *,
    within: float = 0.01,
    reference: Reference | None = None,
) -> Table:
    """One line per method and one over all of them.

    Columns of its frame: method, trials, left_out, front (distinct points, of all trials), hypervolume, best_validation
    and best_test (of the configuration that is best on validation data), fewest, fewest_share (of the dense count) and
    fewest_test: the smallest network within `within` of the dense baseline on validation data, and its test
    score. All choices are made on validation data. Of several searches each makes its own, with a baseline of its own,
    and the means over them are given, unknown where one has none, with half of the 95 % t interval of some as `_half`.

    Args:
        trials: frame of `analysis.load`.
        objectives: at least a score or a count; the first of each kind is used for best and fewest.
        within: distance to the dense baseline: absolute for accuracy (.01 is one point), relative for losses.
        reference: the box of the hypervolume; by default that of `analysis.reference_of`.
    """
    expect_frame(trials)
    axes = axes_of(objectives)
    score = next((axis for axis in axes if axis.is_score), None)
    count = next((axis for axis in axes if not axis.is_score), None)
    trials = narrowed(trials, objectives)
    # A study that has just begun has no reference yet.
    box = reference or (reference_of(trials, objectives) if admissible(trials, objectives).any() else None)
    rows = configurations(trials)
    searches = [run for _, run in rows.groupby(runs(rows))]
    controls = [baseline(run, score.name) if score else None for run in searches]
    lines = []
    for method in [*in_order(trials["method"].unique()), OVERALL]:
        group = of_method(trials, method)
        line: dict[str, object] = {
            "method": method,
            "trials": len(group),
            "left_out": int((~admissible(group, objectives)).sum()),
            "front": len(distinct(pareto(of_method(rows, method), objectives), objectives)),
        }
        found = [
            reached(own, objectives, score, count, control, within, box)
            for run, control in zip(searches, controls, strict=True)
            if len(own := of_method(run, method))
        ] or [reached(of_method(rows, method), objectives, score, count, None, within, box)]
        for name in found[0]:
            told = estimate(np.array([one[name] for one in found]))
            line[name] = told.mean
            if len(searches) > 1 and name in _SPREAD:
                line[f"{name}_half"] = told.high - told.mean
        lines.append(line)
    frame = pd.DataFrame(lines)
    several = len(searches) if len(searches) > 1 else 0
    columns = _columns_over_searches(score, count) if several else _columns(score, count)
    control = baseline(trials, score.name) if score else None
    return Table(frame, columns, _caption(box, score, count, control, within, several))


_SPREAD = ("hypervolume", "best_validation", "fewest_share")


def of_method(trials: pd.DataFrame, method: str) -> pd.DataFrame:
    return trials if method == OVERALL else trials[trials["method"] == method]


def reached(
    rows: pd.DataFrame,
    objectives: Sequence[str],
    score: Axis | None,
    count: Axis | None,
    control: Baseline | None,
    within: float,
    box: Reference | None,
) -> dict[str, float]:
    """What the configurations of one search came to; `control` is this search's own baseline."""
    line = {"hypervolume": hypervolume(rows, objectives, reference=box) if box else np.nan}
    if score:
        best = best_of(rows[admissible(rows, objectives)], score)
        line["best_validation"] = _number(best[score.column]) if best is not None else np.nan
        line["best_test"] = _number(best[score.test]) if best is not None else np.nan
    if score and count:
        small = fewest(rows, count.name, score.name, control.bound(score, within) if control else np.nan)
        whole = _number(small[count.dense]) if small is not None else np.nan
        line["fewest"] = _number(small[count.column]) if small is not None else np.nan
        line["fewest_share"] = line["fewest"] / whole
        line["fewest_test"] = _number(small[score.test]) if small is not None else np.nan
    return line


def _columns(score: Axis | None, count: Axis | None) -> tuple[Column, ...]:
    columns = [
        Column("method", "method", title),
        Column("trials", "trials", ","),
        Column("left_out", "left out", ","),
        Column("front", "front", ","),
        Column("hypervolume", "HV", ".4f"),
    ]
    if score:
        form, unit = (".2f", " %") if score.percent else (".4g", "")
        columns += [
            Column("best_validation", f"best val.{unit}", form, score.scale),
            Column("best_test", f"test{unit}", form, score.scale),
        ]
        if count:
            columns += [
                Column("fewest", f"{count.least} {count.name}", count.form),
                Column("fewest_share", "% of dense", ".1f", 100.0),
                Column("fewest_test", f"test{unit}", form, score.scale),
            ]
    return tuple(columns)


def _columns_over_searches(score: Axis | None, count: Axis | None) -> tuple[Column, ...]:
    """Means and half of their intervals, with as many digits as these leave."""
    columns = [
        Column("method", "method", title),
        Column("trials", "trials", ","),
        Column("left_out", "left out", ","),
        Column("hypervolume", "HV", ".3f", spread=("hypervolume_half",)),
    ]
    if score:
        form, unit = (".1f", " %") if score.percent else (".3g", "")
        columns += [
            Column("best_validation", f"best val.{unit}", form, score.scale, spread=("best_validation_half",)),
            Column("best_test", f"test{unit}", form, score.scale),
        ]
        if count:
            share = Column("fewest_share", f"{count.name} % of dense", ".0f", 100.0, spread=("fewest_share_half",))
            columns += [share, Column("fewest_test", f"test{unit}", form, score.scale)]
    return tuple(columns)


def _caption(
    box: Reference | None,
    score: Axis | None,
    count: Axis | None,
    control: Baseline | None,
    within: float,
    searches: int,
) -> str:
    if box is None:
        return "No trial has finished with all objectives."
    means = f"Means over {searches} searches ± half of their 95 % t intervals. " if searches else ""
    text = f"{means}HV: hypervolume, the share of the box up to {box}."
    if score:
        text += f" Best: by validation {score.name}."
    if not (score and count):
        return text
    if control is None:
        return f"{text} {count.least.title()} {count.name}: not known, no dense trial finished."
    return f"{text} {fewest_caption(score, count, control, within)}"


def fewest_caption(score: Axis, count: Axis, control: Baseline, within: float) -> str:
    """What "fewest" means, in words."""
    reach = f"{100 * within:g} {'points' if score.maximise else '%'}".replace("1 points", "1 point")
    dense = f"{control.validation * score.scale:.4g}{' %' if score.percent else ''}"
    small = "fastest" if count.unit else "smallest"
    return (
        f"{count.least.title()} {count.name}: the {small} network within {reach} of the dense baseline's"
        f" validation {score.name} of {dense}{'' if control.trial else ' (mean; each search by its own)'}."
    )


def _number(value: Any) -> float:
    return float(value) if pd.notna(value) else np.nan
