"""What a page knows of single trials: scores and sizes, parameters, curves."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.axes import Axis
from analysis.figures import SHARPNESS, Stages, stages_of
from analysis.report.elements import last_line
from analysis.report.encode import number, numbers, words
from analysis.statistics import collapsed, front_mask, logarithmic, searched
from analysis.studies import Study
from study.directory import PARAMETER

Json = dict[str, Any]

CURVE_TRIALS = 240
"""Trials whose curves are on the page, those of the fronts first."""
CURVE_EPOCHS = 100
GATE_EPOCHS = 25


def values_of(trials: pd.DataFrame, score: Axis, counts: Sequence[Axis]) -> Json:
    statuses = sorted(trials["status"].astype(str).unique())
    return {
        "series": trials["series"].tolist(),
        "name": trials["trial"].astype(str).tolist(),
        "number": trials["number"].tolist(),
        "statuses": statuses,
        "status": [statuses.index(status) for status in trials["status"].astype(str)],
        "reason": {str(row): last_line(reason) for row, reason in trials["reason"].dropna().items()},
        "seconds": numbers(trials["train_seconds"].astype("float64").round(3)),
        "score": numbers(trials[score.column]),
        "test": numbers(trials[score.test]),
        "before": numbers(trials[before]) if (before := f"{score.column}_before_polish") in trials else None,
        "counts": {count.name: numbers(trials[count.column]) for count in counts},
        "collapsed": np.flatnonzero(collapsed(trials) & (trials["status"] == "COMPLETE")).tolist(),
        "widths": [None if widths is None else list(map(int, widths)) for widths in _lists(trials["widths"])],
    }


def _lists(values: "pd.Series[Any]") -> list[Any]:
    return [None if value is None or value is pd.NA or isinstance(value, float) else value for value in values]


def parameters_of(trials: pd.DataFrame, series: int) -> list[Json]:
    """By series: each parameter's values in the order of the series' trials, or the one value it was pinned to."""
    found: list[Json] = []
    names = [name for name in trials.columns if name.startswith(PARAMETER)]
    for index in range(series):
        own = trials[trials["series"] == index]
        varied = set(searched(own))
        entry: Json = {}
        for name in names:
            values = own[name]
            if values.isna().all():
                continue
            numeric = values.dtype.kind == "f"
            encoded: list[Any] = numbers(values) if numeric else list(words(values))
            key = name.removeprefix(PARAMETER)
            if name in varied:
                entry[key] = {"values": encoded, "log": logarithmic(values), "words": not numeric}
            else:
                entry[key] = {"pinned": next(value for value in encoded if value is not None)}
        found.append(entry)
    return found


def curves_of(study: Study, trials: pd.DataFrame, score: Axis) -> Json:
    """By row: epochs, score, training loss and live units by layer, for the fronts' trials and some others."""
    front = front_mask(trials, study.objectives)
    for _, own in trials.groupby("series"):
        front[own.index] |= front_mask(own, study.objectives)
    order = trials.index[np.argsort(~front, kind="stable")][:CURVE_TRIALS]
    names = trials.loc[order, ["study", "trial"]].astype(str).itertuples(index=False, name=None)
    wanted: dict[tuple[Hashable, ...], int] = dict(zip(names, order.tolist(), strict=True))
    curves = study.curves_of(trials.loc[order])
    found: Json = {}
    for key, part in curves.groupby(["study", "trial"], observed=True):
        if (row := wanted.get(key)) is None:
            continue
        measured = part[part[score.column].notna()].sort_values("epoch")
        stages = _stages(study, trials.iloc[row], part)
        part = measured.iloc[_evenly(len(measured), CURVE_EPOCHS)]
        widths = [list(map(int, width)) for width in _lists(part["widths"]) if width is not None]
        found[str(row)] = {
            "epoch": part["epoch"].tolist(),
            "score": [None if value is None else number(value * score.scale) for value in numbers(part[score.column])],
            "loss": numbers(part["train_loss"]),
            "widths": [list(layer) for layer in zip(*widths, strict=True)] if len(widths) == len(part) else [],
            "gates": _gates(measured),
            "stages": [[at, number(k)] for at, k in stages],
        }
    return found


def _gates(part: pd.DataFrame) -> list[Json]:
    """Some of the epochs in which the trial had gates: how many of them were how likely to be open."""
    known = part[part["gates"].notna()]
    some = known.iloc[_evenly(len(known), GATE_EPOCHS)] if len(known) else known
    lines = zip(some["epoch"], some["gates"], strict=True)
    return [{"epoch": int(epoch), "counts": list(map(int, counts))} for epoch, counts in lines]


def _evenly(count: int, most: int) -> "np.ndarray[Any, np.dtype[np.int_]]":
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def _stages(study: Study, trial: "pd.Series[Any]", curve: pd.DataFrame) -> Stages:
    """The sharpness of the gates of a trial that has any."""
    gated = SHARPNESS in curve and curve[SHARPNESS].notna().any()
    if not gated and pd.isna(trial.get("param_stage_2")):
        return ()
    config = study.configs[str(trial["study"])]
    return stages_of(trial, curve, int(config.get("epochs", 1)), int(config.get("polish", 0)))
