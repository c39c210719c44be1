"""What a study found, in sentences: numbers a reader can take away without looking at a figure."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.axes import Axis, measured
from analysis.palette import title
from analysis.statistics import (
    BASELINE,
    DEFAULT,
    Answers,
    Baseline,
    admissible,
    baseline,
    best_of,
    configurations,
    runs,
    said_of_shape,
)
from analysis.text.headline import headline, said_of_resolution, said_of_selection
from analysis.text.words import name_of, score_text
from analysis.units import unit_of


def sentences(
    trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT, answers: Answers | None = None
) -> tuple[str, ...]:
    """The findings of one study, most important first; each sentence stands alone.

    All choices are made on validation data, as everywhere; test scores are named as such.

    Args:
        answers: of `Study.answers`, with which the claims are tested.
    """
    try:
        score, counts = measured(trials, objectives)
    except ValueError:
        return (_effort(trials),)
    usable = trials[admissible(trials, (score.name, counts[0].name))]
    if usable.empty:
        return (_effort(trials),)
    control = baseline(usable, score.name)
    if control:
        told = [
            text
            for count in [counts[0], *_costs(counts[1:])]
            for text in headline(usable, score, count, control, answers)
        ]
        told.append(_dense(usable, score, counts[0], control))
        told.append(said_of_resolution(usable, score, control))
    else:
        told = ["No dense trial finished, so nothing can be said against the uncompressed network."]
    told.append(_best(usable, score, counts[0], control))
    told.append(said_of_selection(usable, score, counts[0]))
    # Of several counts the selected network may be the same one, with the same test score.
    return (*dict.fromkeys(filter(None, told)), _chance(usable), _effort(trials))


def _costs(counts: Sequence[Axis]) -> list[Axis]:
    """One more way to count: what a network costs to run, or to store."""
    return sorted((axis for axis in counts if axis.name in _COSTS), key=lambda axis: _COSTS.index(axis.name))[:1]


_COSTS = ("macs", "flops", "parameters")


def _dense(trials: pd.DataFrame, score: Axis, count: Axis, control: Baseline) -> str:
    sizes = trials.loc[trials["method"] == BASELINE, count.column]
    test = "" if np.isnan(control.test) else f" (test {score_text(score, control.test)})"
    return (
        f"The dense network reaches a validation {score.name} of {score_text(score, control.validation)}{test}"
        f" with {int(sizes.max()):,} {name_of(count)}."
    )


def _best(trials: pd.DataFrame, score: Axis, count: Axis, control: Baseline | None) -> str:
    best = best_of(configurations(trials[trials["method"] != BASELINE]), score)
    if best is None:
        return ""
    value, test = float(best[score.column]), best[score.test]
    text = f"The best validation {score.name} is {title(best['method'])}'s: {score_text(score, value)}"
    if pd.notna(test):
        text += f" (test {score_text(score, float(test))})"
    text += f" with {int(best[count.column]):,} {name_of(count)}"
    if control and score.percent:
        points = 100 * (value - control.validation)
        side = "above" if points > 0 else "below"
        text += f", {abs(points):.1f} points {side} dense" if abs(points) >= 0.05 else ", as good as dense"
    return f"{text}."


def _chance(trials: pd.DataFrame) -> str:
    counts = runs(trials).groupby(trials["method"], observed=True).nunique()
    if counts.min() < 2:
        return "Not every method was searched several times, so small differences may be chance."
    said = f"Every method was searched {counts.min()} times or more; the tables give the intervals over them."
    return f"{said} {said_of_shape(int(counts.min()))}".rstrip()


def _effort(trials: pd.DataFrame) -> str:
    if trials.empty:
        return "No trial has finished yet."
    status = trials["status"].astype(str).value_counts()
    seconds = float(trials["train_seconds"].fillna(0.0).sum())
    unit, scale = unit_of(seconds)
    methods = trials["method"].nunique()
    stopped = int(status.get("STOPPED", 0))
    failed = len(trials) - int(status.get("COMPLETE", 0)) - stopped
    less = [(failed, "without a result"), (stopped, "stopped early")]
    outcomes = " and ".join(f"{count:,} of them {what}" for count, what in less if count)
    return (
        f"{len(trials):,} trials of {methods} {'method' if methods == 1 else 'methods'} have finished,"
        f" {outcomes or 'all with a result'};"
        f" training took {seconds / scale:.3g} device {_UNITS[unit]}."
    )


_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
