"""What the page's figures draw: the trials that are shown, their fronts, curves and parameters, as one JSON value."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.axes import Axis, axes_of, measured
from analysis.figures.attainment import attainment_data
from analysis.figures.front import front_data, marks_of
from analysis.figures.hypervolume import hypervolume_data
from analysis.figures.sharpness import plan
from analysis.front import admissible, distinct, front_mask
from analysis.load import Study
from analysis.palette import NIGHT, in_order, looks
from analysis.parameters import importance, logarithmic, searched
from analysis.report.elements import last_line
from analysis.report.encode import number, numbers, words
from analysis.report.thin import Thinned, thin
from analysis.runs import runs
from analysis.trajectory import Budget
from study.results import PARAMETER

Json = dict[str, Any]

BUDGETS: tuple[Budget, ...] = ("trials", "train_seconds", "wall_seconds")
CURVE_TRIALS = 240
"""Trials whose curves are on the page, those of the fronts first."""
CURVE_EPOCHS = 100
CURVES_READ = 50_000
"""Trials up to which curves are read: beyond, reading all of them for the few that are shown takes too long."""

_SYMBOLS = {
    "*": "star",
    "o": "circle",
    "s": "square",
    "^": "triangle-up",
    "D": "diamond",
    "v": "triangle-down",
    "P": "cross",
    "X": "x",
    "h": "hexagon",
    "p": "pentagon",
    "<": "triangle-left",
    ">": "triangle-right",
}


def payload(study: Study, *, limit: int = 5000) -> Json:
    """Everything that the page's script needs.

    Args:
        limit: dominated trials shown at most; points of fronts are all shown.

    Raises:
        ValueError: no trial has a score and a count.
    """
    score, counts = measured(study.trials, study.objectives)
    pairs = [(score.name, count.name) for count in counts]
    shown = thin(study.trials, [*pairs, study.objectives], limit=limit)
    series = [(name, method) for name in study.configs for method in _methods(study, name)]
    trials = _in_series(study.trials[shown.rows], series)
    return {
        "studies": [_study(study, name, score, counts) for name in study.configs],
        "series": _series(series, study.trials, counts),
        "score": _axis(score),
        "counts": [_axis(count) for count in counts],
        "trials": _trials(trials, score, counts),
        "parameters": _parameters(trials, len(series)),
        "fronts": {count.name: _fronts(trials, (score.name, count.name)) for count in counts},
        "windows": {count.name: _window(study, (score.name, count.name)) for count in counts},
        "spread": {count.name: _spread(study, (score.name, count.name), series) for count in counts},
        "volumes": {over: _volumes(study, over, series) for over in BUDGETS},
        "budget": _budget(study.trials, series),
        "importance": _importance(study, score, counts, series),
        "curves": _curves(study, trials, score),
        "plans": _plans(study, trials),
        "thinned": {name: getattr(shown, name) for name in Thinned.__annotations__ if name != "rows"},
    }


def _methods(study: Study, name: str) -> list[str]:
    return in_order(study.trials.loc[study.trials["study"] == name, "method"].unique())


def _in_series(trials: pd.DataFrame, series: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """The trials in the order of their series, numbered from 0, with the number of their series."""
    place = {key: index for index, key in enumerate(series)}
    keys = zip(trials["study"].astype(str), trials["method"].astype(str), strict=True)
    placed = trials.assign(series=[place[key] for key in keys])
    return placed.sort_values(["series", "number", "trial"], kind="stable").reset_index(drop=True)


def _axis(axis: Axis) -> Json:
    return {
        "name": axis.name,
        "title": axis.title,
        "maximise": axis.maximise,
        "percent": axis.percent,
        "scale": axis.scale,
    }


def _study(study: Study, name: str, score: Axis, counts: Sequence[Axis]) -> Json:
    config = study.configs[name]
    published = [
        {"count": count.name, "label": mark.label, "source": mark.source, "x": number(mark.x), "y": number(mark.y)}
        for count in counts
        for mark in marks_of(config.get("published", ()), count, score)
    ]
    return {
        "name": name,
        "location": study.directories[name].path(),
        "epochs": config.get("epochs"),
        "polish": config.get("polish", 0),
        "published": published,
    }


def _series(series: Sequence[tuple[str, str]], trials: pd.DataFrame, counts: Sequence[Axis]) -> list[Json]:
    names = list(dict.fromkeys(study for study, _ in series))
    shown = looks(method for _, method in series)
    found = []
    for study, method in series:
        look = shown[method]
        own = trials[(trials["study"] == study) & (trials["method"] == method)]
        dense = own["dense_widths"].dropna()
        dash = "solid" if isinstance(look.line, str) else ",".join(f"{2 * length:g}px" for length in look.line[1])
        found.append(
            {
                "study": names.index(study),
                "method": method,
                "title": look.title if len(names) == 1 else f"{look.title} · {study}",
                "symbol": _SYMBOLS[look.marker] + ("" if names.index(study) == 0 else "-open"),
                "dash": dash,
                "colour": {"light": look.colour, "dark": NIGHT[look.colour]},
                "trials": len(own),
                "dense": {c.name: number(own[c.dense].max()) for c in counts if c.dense in own},
                "dense_widths": list(map(int, dense.iloc[0])) if len(dense) else None,
            }
        )
    return found


def _trials(trials: pd.DataFrame, score: Axis, counts: Sequence[Axis]) -> Json:
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
        "widths": [None if widths is None else list(map(int, widths)) for widths in _lists(trials["widths"])],
    }


def _lists(values: "pd.Series[Any]") -> list[Any]:
    return [None if value is None or value is pd.NA or isinstance(value, float) else value for value in values]


def _parameters(trials: pd.DataFrame, series: int) -> list[Json]:
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


def _fronts(trials: pd.DataFrame, objectives: tuple[str, str]) -> Json:
    """By series: the rows of the distinct points of its front, smallest network first."""
    (axis,) = axes_of(objectives[1:])
    found: Json = {}
    for index, own in trials.groupby("series"):
        front = distinct(own[front_mask(own, objectives)], objectives)
        if len(front):
            found[str(index)] = front.sort_values(axis.column, kind="stable").index.tolist()
    return found


def _window(study: Study, objectives: tuple[str, str]) -> Json | None:
    """The part of the plane that is shown at first: networks one would use."""
    try:
        data = front_data(study.trials, objectives, published=study.published)
    except ValueError:
        return None
    plane = data.plane
    return {"x": numbers(plane.across), "y": numbers(plane.up), "log": plane.log, "below": data.below}


def _spread(study: Study, objectives: tuple[str, str], series: Sequence[tuple[str, str]]) -> Json:
    """By series with several runs: what half of them attain, and the outline from 25 % to 75 %."""
    found: Json = {}
    for name in study.configs:
        own = study.trials[study.trials["study"] == name]
        if not admissible(own, objectives).any() or runs(own).max() < 1:
            continue
        for surface in attainment_data(own, objectives, span=None).surfaces:
            if surface.band is None:
                continue
            outline = np.concatenate([surface.band[0], surface.band[1][::-1]])
            found[str(series.index((name, surface.method)))] = {
                "runs": surface.runs,
                "median": [numbers(column) for column in surface.median.T],
                "band": [numbers(column) for column in outline.T],
            }
    return found


def _volumes(study: Study, over: Budget, series: Sequence[tuple[str, str]]) -> Json:
    """By series: what was spent, in `unit`, and the hypervolume; each study in a box of its own."""
    found: Json = {"unit": "", "box": "", "paths": {}}
    for name in study.configs:
        own = study.trials[study.trials["study"] == name]
        try:
            data = hypervolume_data(own, study.objectives, over=over)
        except ValueError:
            continue
        found["unit"], found["box"] = data.unit, data.box
        for method, path in data.paths.items():
            found["paths"][str(series.index((name, method)))] = [numbers(column) for column in path.T]
    return found


def _budget(trials: pd.DataFrame, series: Sequence[tuple[str, str]]) -> list[Json]:
    found = []
    for study, method in series:
        own = trials[(trials["study"] == study) & (trials["method"] == method)]
        good = own["status"] == "COMPLETE"
        seconds = own["train_seconds"].fillna(0.0)
        found.append(
            {
                "complete": int(good.sum()),
                "other": int((~good).sum()),
                "seconds": number(seconds[good].sum()),
                "other_seconds": number(seconds[~good].sum()),
            }
        )
    return found


def _importance(
    study: Study, score: Axis, counts: Sequence[Axis], series: Sequence[tuple[str, str]]
) -> Mapping[str, Json]:
    """By series, objective and parameter: its importance."""
    found: dict[str, Json] = {}
    for name in study.configs:
        table = importance(study.trials[study.trials["study"] == name], (score.name, counts[0].name))
        for line in table.itertuples(index=False):
            entry = found.setdefault(str(series.index((name, str(line.method)))), {})
            entry.setdefault(str(line.objective), {})[str(line.parameter)] = number(line.importance)
    return found


def _curves(study: Study, trials: pd.DataFrame, score: Axis) -> Json:
    """By row: epochs, score, training loss and live units by layer, for the fronts' trials and some others."""
    if len(study.trials) > CURVES_READ or study.curves.empty:
        return {}
    front = front_mask(trials, study.objectives)
    for _, own in trials.groupby("series"):
        front[own.index] |= front_mask(own, study.objectives)
    order = trials.index[np.argsort(~front, kind="stable")][:CURVE_TRIALS]
    names = trials.loc[order, ["study", "trial"]].astype(str).itertuples(index=False, name=None)
    wanted: dict[tuple[Hashable, ...], int] = dict(zip(names, order.tolist(), strict=True))
    curves = study.curves[study.curves["trial"].isin({name for _, name in wanted})]
    found: Json = {}
    for key, part in curves.groupby(["study", "trial"], observed=True):
        if (row := wanted.get(key)) is None:
            continue
        part = part.sort_values("epoch").iloc[_evenly(len(part), CURVE_EPOCHS)]
        widths = [list(map(int, width)) for width in _lists(part["widths"]) if width is not None]
        found[str(row)] = {
            "epoch": part["epoch"].tolist(),
            "score": [None if value is None else number(value * score.scale) for value in numbers(part[score.column])],
            "loss": numbers(part["train_loss"]),
            "widths": [list(layer) for layer in zip(*widths, strict=True)] if len(widths) == len(part) else [],
        }
    return found


def _evenly(count: int, most: int) -> "np.ndarray[Any, np.dtype[np.int_]]":
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def _plans(study: Study, trials: pd.DataFrame) -> Json:
    """By row: the sharpness of the gates of trials that have any."""
    found: Json = {}
    if "param_stage_2" not in trials:
        return found
    for row, trial in trials[trials["param_stage_2"].notna()].iterrows():
        config = study.configs[str(trial["study"])]
        stages = plan(trial, int(config.get("epochs", 1)), int(config.get("polish", 0)))
        found[str(row)] = [[at, number(k)] for at, k in stages]
    return found
