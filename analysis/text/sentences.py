"""What a study found, in sentences: numbers a reader can take away without looking at a figure."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.axes import Axis, measured
from analysis.palette import in_order, title
from analysis.statistics import (
    BASELINE,
    DEFAULT,
    KEPT,
    Baseline,
    admissible,
    baseline,
    best_of,
    configurations,
    fewest,
    runs,
)
from analysis.units import unit_of


def sentences(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> tuple[str, ...]:
    """The findings of one study, most important first; each sentence stands alone.

    All choices are made on validation data, as everywhere; test scores are named as such.
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
        told = [_kept(usable, score, count, control) for count in [counts[0], *_costs(counts[1:])]]
        told.append(_dense(usable, score, counts[0], control))
    else:
        told = ["No dense trial finished, so nothing can be said against the uncompressed network."]
    told.append(_best(usable, score, counts[0], control))
    return (*filter(None, told), _chance(usable), _effort(trials))


def _costs(counts: Sequence[Axis]) -> list[Axis]:
    """One more way to count: what a network costs to run, or to store."""
    return sorted((axis for axis in counts if axis.name in _COSTS), key=lambda axis: _COSTS.index(axis.name))[:1]


_COSTS = ("macs", "flops", "parameters")


def _kept(trials: pd.DataFrame, score: Axis, count: Axis, control: Baseline) -> str:
    """At 98 % of dense accuracy NPN keeps 31 % of the neurons, SGL 38 %."""
    bound, goal = control.kept(score), f"{100 * KEPT:g} % of dense {score.name}"
    if not score.maximise:
        goal = f"a {score.name} {100 * (1 - KEPT):.2g} % above the dense one"
    shares, failed = {}, []
    for method in in_order(trials["method"].unique()):
        if method == BASELINE:
            continue
        small = fewest(trials[trials["method"] == method], count.name, score.name, bound)
        if small is None or count.dense not in small or not small[count.dense]:
            failed.append(title(method))
        else:
            shares[title(method)] = float(small[count.column]) / float(small[count.dense])
    if not shares:
        return f"At {goal} no method has a smaller network." if failed else ""
    (first, share), *others = sorted(shares.items(), key=lambda item: item[1])
    text = f"At {goal} {first} keeps {_share(share)} of the {_name(count)}"
    text += "".join(f", {name} {_share(part)}" for name, part in others)
    return f"{text}; {_listed(failed)} never {'get' if len(failed) > 1 else 'gets'} there." if failed else f"{text}."


def _dense(trials: pd.DataFrame, score: Axis, count: Axis, control: Baseline) -> str:
    sizes = trials.loc[trials["method"] == BASELINE, count.column]
    test = "" if np.isnan(control.test) else f" (test {_score(score, control.test)})"
    return (
        f"The dense network reaches a validation {score.name} of {_score(score, control.validation)}{test}"
        f" with {int(sizes.max()):,} {_name(count)}."
    )


def _best(trials: pd.DataFrame, score: Axis, count: Axis, control: Baseline | None) -> str:
    best = best_of(configurations(trials[trials["method"] != BASELINE]), score)
    if best is None:
        return ""
    value, test = float(best[score.column]), best[score.test]
    text = f"The best validation {score.name} is {title(best['method'])}'s: {_score(score, value)}"
    if pd.notna(test):
        text += f" (test {_score(score, float(test))})"
    text += f" with {int(best[count.column]):,} {_name(count)}"
    if control and score.percent:
        points = 100 * (value - control.validation)
        side = "above" if points > 0 else "below"
        text += f", {abs(points):.1f} points {side} dense" if abs(points) >= 0.05 else ", as good as dense"
    return f"{text}."


def _chance(trials: pd.DataFrame) -> str:
    counts = runs(trials).groupby(trials["method"], observed=True).nunique()
    if counts.min() < 2:
        return "Not every method was searched several times, so small differences may be chance."
    return f"Every method was searched {counts.min()} times or more; the tables give the intervals over them."


def _effort(trials: pd.DataFrame) -> str:
    if trials.empty:
        return "No trial has finished yet."
    status = trials["status"].astype(str).value_counts()
    seconds = float(trials["train_seconds"].fillna(0.0).sum())
    unit, scale = unit_of(seconds)
    methods = trials["method"].nunique()
    failed = len(trials) - int(status.get("COMPLETE", 0))
    return (
        f"{len(trials):,} trials of {methods} {'method' if methods == 1 else 'methods'} have finished,"
        f" {f'{failed:,} of them without a result' if failed else 'all with a result'};"
        f" training took {seconds / scale:.3g} device {_UNITS[unit]}."
    )


_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}


def _score(axis: Axis, value: float) -> str:
    return f"{100 * value:.1f} %" if axis.percent else f"{value:.4g}"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %" if value >= 0.1 else f"{100 * value:.2g} %"


def _name(axis: Axis) -> str:
    return {"macs": "multiply-adds", "flops": "FLOPs"}.get(axis.name, axis.name)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
