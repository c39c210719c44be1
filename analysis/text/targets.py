"""What was asked of a study that brackets compressions, beside what it reached."""

from functools import partial

import numpy as np
import pandas as pd

from analysis.axes import Axis, axes_of
from analysis.palette import in_order, title
from analysis.statistics import admissible, best_of, epochs_trained, estimate, per_run, said_of_runs
from analysis.text.table import Column, Table
from analysis.text.words import name_of
from study.directory import StudyError

WITHIN = 0.1
"""Of the compression that was asked for, a network reaches it."""


def target_table(trials: pd.DataFrame, *, count: str = "parameters", score: str = "accuracy") -> Table:
    """By method and compression that was asked for: what was reached, its test score, and the epochs that it took.

    In each search it is, of the networks within a tenth of what was asked for, the one with the best validation score,
    or else the nearest. Columns of the frame: method, asked, runs, reached, score and epochs with their spreads.

    Raises:
        ValueError: no trial was asked for a compression.
    """
    if "target" not in trials or not trials["target"].notna().any():
        raise StudyError("expected a study with `target: [2, 4, 8]`, but no trial was asked for a compression")
    score_axis, count_axis = axes_of((score, count))
    aimed = trials[trials["target"].notna()]
    aimed = aimed.assign(_trained=epochs_trained(aimed))
    lines = []
    for method in in_order(aimed["method"].unique()):
        own = aimed[aimed["method"] == method]
        for asked in sorted(own["target"].unique()):
            group = own[own["target"] == asked]
            line: dict[str, object] = {"method": method, "asked": float(asked)}
            for name, goal in (("reached", count_axis), ("score", score_axis)):
                found = estimate(per_run(group, partial(_value, score_axis, count_axis, goal)))
                line |= {"runs": found.runs, name: found.mean, f"{name}_spread": found.spread}
            spent = estimate(per_run(group, lambda run: float(run["_trained"].sum())))
            lines.append(line | {"epochs": spent.mean, "epochs_spread": spent.spread})
    frame = pd.DataFrame(lines)
    unit = " in %" if score_axis.percent else ""
    form = ".2f" if score_axis.percent else ".4g"
    columns = (
        Column("method", "method", title),
        Column("asked", "asked", "g"),
        Column("reached", "reached", ".2f", spread=("reached_spread",)),
        Column("score", f"test {score}", form, score_axis.scale, ("score_spread",)),
        Column("epochs", "epochs", ",.0f", spread=("epochs_spread",)),
    )
    caption = (
        f"Compression of the {name_of(count_axis)} (dense / remaining) that was asked for and reached, and test {score}"
        f"{unit} of that network: of those within a tenth of what was asked for the one with the best validation score,"
        " else the nearest that may be on a front. Epochs: of all trials for it, those that trials share counted once;"
        f" {said_of_runs(frame['runs'], 'mean ± standard deviation', 'a spread')}."
    )
    return Table(frame, columns, caption)


def _value(score: Axis, count: Axis, goal: Axis, run: pd.DataFrame) -> float:
    """Of the network that a search has for one compression: the ratio, or the test score."""
    usable = run[admissible(run, (score.name, count.name))]
    if usable.empty:
        return np.nan
    ratio = usable[count.dense].to_numpy(np.float64) / usable[count.column].to_numpy(np.float64)
    error = np.abs(np.log(ratio / usable["target"].to_numpy(np.float64)))
    near = error <= max(np.log(1 + WITHIN), error.min())
    chosen = best_of(usable[near], score)
    if chosen is None:
        return np.nan
    return float(chosen[count.dense] / chosen[count.column]) if goal is count else float(chosen[goal.test])
