"""Tables for a paper: what each method reaches at given compression ratios or accuracy drops, over searches."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.axes import Points, axes_of
from analysis.palette import in_order, title
from analysis.statistics import (
    BASELINE,
    admissible,
    baseline,
    baseline_of_search,
    best_by_test,
    best_of,
    configurations,
    estimate,
    fewest,
    per_run,
    said_of_runs,
)
from analysis.text.table import Column, Table
from study.directory import StudyError

Goals = Mapping[str, Callable[[pd.DataFrame], float]]


def score_at_compression(
    trials: pd.DataFrame,
    ratios: Sequence[float] = (1, 2, 4, 8, 16),
    *,
    count: str = "neurons",
    score: str = "accuracy",
) -> Table:
    """Test score of networks at least `ratio` times smaller than the dense one: mean and spread over searches.

    In each search it is the network with the best validation score among those with dense / count >= ratio.
    Columns of the frame: method, runs, then for each ratio `compression_R` and `compression_R_spread`.
    """
    score_axis, count_axis = axes_of((score, count))

    def goal(ratio: float) -> Callable[[pd.DataFrame], float]:
        def reached(run: pd.DataFrame) -> float:
            rows = configurations(run)
            usable = rows[admissible(rows, (score, count))]
            best = best_of(usable[usable[count_axis.column] * ratio <= usable[count_axis.dense]], score_axis)
            return np.nan if best is None else float(best[score_axis.test])

        return reached

    goals = {f"compression_{ratio:g}": goal(ratio) for ratio in ratios}
    frame, bold = _over_runs(trials, goals, score_axis.maximise)
    caption = (
        f"Test {score}{' in %' if score_axis.percent else ''} at a given compression of the {count}"
        f" (dense / remaining), of the network with the best validation {score} in each search"
    )
    form = ".2f" if score_axis.percent else ".4g"
    headings = [f"{ratio:g}×" for ratio in ratios]
    return _table(frame, headings, form, score_axis.scale, bold, caption)


def compression_at_drop(
    trials: pd.DataFrame,
    drops: Sequence[float] = (0.0, 0.005, 0.01, 0.02),
    *,
    count: str = "neurons",
    score: str = "accuracy",
) -> Table:
    """Compression dense / count of the smallest network that loses at most `drop`: mean and spread over searches.

    The loss is on validation data against the dense baseline of the same search (see analysis.baseline):
    absolute for accuracies (.01 is one point), relative for losses. Columns of the frame: method,
    runs, then for each drop `drop_D` and `drop_D_spread`.

    Raises:
        ValueError: no dense trial finished.
    """
    score_axis, count_axis = axes_of((score, count))
    control = baseline(trials, score)
    if control is None:
        raise StudyError("expected a finished trial of the method 'dense' to compare with, got none")

    of_search = baseline_of_search(trials, score)

    def goal(drop: float) -> Callable[[pd.DataFrame], float]:
        def reached(run: pd.DataFrame) -> float:
            own = of_search(run)
            small = fewest(run, count, score, own.bound(score_axis, drop)) if own else None
            if small is None or pd.isna(small[count_axis.dense]):
                return np.nan
            return float(np.divide(float(small[count_axis.dense]), float(small[count_axis.column])))

        return reached

    frame, bold = _over_runs(trials, {f"drop_{drop:g}": goal(drop) for drop in drops}, True)
    unit = "pt" if score_axis.percent else "%"
    dense = f"{control.validation * score_axis.scale:.4g}{' %' if score_axis.percent else ''}"
    caption = (
        f"Compression of the {count} (dense / remaining) at a given loss of validation {score} against"
        f" the dense baseline's {dense}"
    )
    headings = [f"≤{100 * drop:g} {unit}" for drop in drops]
    return _table(frame, headings, ".2f", 1.0, bold, caption)


Bold = frozenset[tuple[int, str]]


def _over_runs(trials: pd.DataFrame, goals: Goals, maximise: bool) -> tuple[pd.DataFrame, Bold]:
    """A line per method, and the cells that are best by more than chance."""
    lines = []
    methods = in_order(trials["method"].unique())
    values: dict[str, dict[str, Points]] = {name: {} for name in goals}
    for method in methods:
        group = trials[trials["method"] == method]
        line: dict[str, object] = {"method": method}
        for name, goal in goals.items():
            own = per_run(group, goal)
            found = estimate(own)
            line |= {"runs": found.runs, name: found.mean, f"{name}_spread": found.spread}
            if method != BASELINE:
                values[name][method] = np.asarray(own, dtype=np.float64)
        lines.append(line)
    best = {name: best_by_test(own, maximise=maximise) for name, own in values.items()}
    bold = frozenset((methods.index(method), name) for name, method in best.items() if method is not None)
    return pd.DataFrame(lines), bold


def _table(frame: pd.DataFrame, headings: Sequence[str], form: str, scale: float, bold: Bold, caption: str) -> Table:
    keys = [name for name in frame.columns if f"{name}_spread" in frame.columns]
    columns = (
        Column("method", "method", title),
        *(Column(key, heading, form, scale, (f"{key}_spread",)) for key, heading in zip(keys, headings, strict=True)),
    )
    spread = said_of_runs(frame["runs"], "mean ± standard deviation", "a spread")
    told = " Bold: better than every other method (Welch's test over searches, Holm, 5 %)." if bold else ""
    return Table(frame, columns, f"{caption}; {spread}. –: not reached in every search.{told}", bold)
