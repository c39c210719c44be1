"""What the page's figures draw: the trials that are shown, their fronts, curves and parameters, as one JSON value."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.axes import Axis, axes_of, measured
from analysis.figures import (
    Boundaries,
    FrontData,
    attainment_data,
    front_data,
    hypervolume_data,
    marks_of,
    tolerance_data,
)
from analysis.palette import NIGHT, in_order, looks
from analysis.report.boundaries import boundaries_of
from analysis.report.elements import lean, trials_of
from analysis.report.encode import number, numbers
from analysis.report.rows import Json, curves_of, parameters_of, values_of
from analysis.report.thin import Thinned, thin
from analysis.statistics import (
    BASELINE,
    Budget,
    admissible,
    configurations,
    distinct,
    front_mask,
    importance,
    packs,
    runs,
)
from analysis.studies import Study
from analysis.units import unit_of

BUDGETS: tuple[Budget, ...] = ("trials", "train_seconds", "wall_seconds")
PACKS = 4000
"""More of them are no figure."""
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


def payload(study: Study, *, limit: int = 5000, boundaries: Boundaries | None = None) -> Json:
    """Everything that the page's script needs.

    Args:
        limit: dominated trials shown at most; points of fronts are all shown.
        boundaries: of some of the trials, if their data lie in a plane.

    Raises:
        ValueError: no trial has a score and a count.
    """
    score, counts = measured(study.trials, study.objectives)
    counts = tuple(count.within(study.trials) for count in counts)
    pairs = [(score.name, count.name) for count in counts]
    whole = lean(study)
    shown = thin(whole.trials, [*pairs, study.objectives], limit=limit)
    series = [(name, method) for name in study.configs for method in _methods(study, name)]
    trials = _in_series(study.trials[shown.rows], series)
    planes = {pair[1]: _plane(whole.trials, pair, study.published) for pair in pairs}
    return {
        "studies": [_study(study, name, score, counts) for name in study.configs],
        "series": _series(series, whole.trials, trials, counts),
        "score": _axis(score),
        "counts": [_axis(count) for count in counts],
        "trials": values_of(trials, score, counts),
        "parameters": parameters_of(trials, len(series)),
        "fronts": {count.name: _fronts(trials, (score.name, count.name)) for count in counts},
        "means": {count.name: _means(trials, score, count) for count in counts},
        "windows": {name: _window(plane) for name, plane in planes.items()},
        "marks": {name: _marks(whole, (score.name, name), plane, series) for name, plane in planes.items()},
        "spread": {count.name: _spread(whole, (score.name, count.name), series) for count in counts},
        "tolerance": _tolerance(whole, score, counts[0], series),
        "volumes": {over: _volumes(whole, over, series) for over in BUDGETS},
        "timeline": _timeline(whole, series),
        "budget": _budget(whole.trials, series),
        **_importance(study, score, counts, series),
        "curves": curves_of(study, trials, score),
        "boundaries": boundaries_of(trials, boundaries or {}),
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
        "unit": axis.unit,
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
        "require": ", ".join(f"{axis} {bound:g}" for axis, bound in (config.get("require") or {}).items()),
        "published": published,
    }


def _series(
    series: Sequence[tuple[str, str]], trials: pd.DataFrame, shown: pd.DataFrame, counts: Sequence[Axis]
) -> list[Json]:
    names = list(dict.fromkeys(study for study, _ in series))
    known = looks(method for _, method in series)
    found = []
    for index, (study, method) in enumerate(series):
        look = known[method]
        own = trials[(trials["study"] == study) & (trials["method"] == method)]
        dense = shown.loc[shown["series"] == index, "dense_widths"].dropna()
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


def _fronts(trials: pd.DataFrame, objectives: tuple[str, str]) -> Json:
    """By series: the rows of the distinct points of its front, smallest network first; of a configuration the first."""
    (axis,) = axes_of(objectives[1:])
    found: Json = {}
    for index, own in trials.groupby("series"):
        rows = configurations(own)
        front = distinct(rows[front_mask(rows, objectives)], objectives)
        if len(front):
            found[str(index)] = front.sort_values(axis.column, kind="stable").index.tolist()
    return found


def _means(trials: pd.DataFrame, score: Axis, count: Axis) -> Json:
    """By the row of a configuration's first trial, where it has several: its mean count and score, as printed."""
    if "configuration" not in trials:
        return {}
    rows = configurations(trials)
    rows = rows[(rows["seeds"] > 1) & admissible(rows, (score.name, count.name))]
    values = zip(rows.index, rows[count.column] * count.scale, rows[score.column] * score.scale, strict=True)
    return {str(row): [number(across), number(up)] for row, across, up in values}


def _plane(
    trials: pd.DataFrame, objectives: tuple[str, str], published: Sequence[Mapping[str, object]] = ()
) -> FrontData | None:
    try:
        return front_data(trials, objectives, published=published)
    except ValueError:
        return None


def _window(data: FrontData | None) -> Json | None:
    """The part of the plane that is shown at first: networks one would use."""
    if data is None:
        return None
    plane = data.plane
    return {"x": numbers(plane.across), "y": numbers(plane.up), "log": plane.log, "below": data.below}


def _marks(
    study: Study, objectives: tuple[str, str], data: FrontData | None, series: Sequence[tuple[str, str]]
) -> Json:
    """What each study selected, with its test scores, its baseline, and the largest standard error; as printed."""
    found: Json = {"selected": [], "error": None, "dense": {}}
    for name in study.configs:
        own = data if len(study.configs) == 1 else _plane(trials_of(study, name), objectives)
        if own is None:
            continue
        for one in own.selected:
            values = {"x": number(one.x), "y": number(one.y), "test": number(one.test)}
            found["selected"].append({"series": series.index((name, one.method)), **values})
        if own.dense is not None:
            line = {"level": number(own.dense[1]), "searches": int(runs(trials_of(study, name)).nunique())}
            found["dense"][str(series.index((name, BASELINE)))] = line
        if own.error is not None:
            found["error"] = number(max(own.error, found["error"] or 0.0))
    return found


def _tolerance(study: Study, score: Axis, count: Axis, series: Sequence[tuple[str, str]]) -> Json:
    """By series: tolerances as printed, the share of the count that is kept in %, and its band's two ends."""
    found: Json = {"count": count.name, "band": "", "paths": {}}
    for name in study.configs:
        own = trials_of(study, name)
        try:
            answers = study.answers(name) if runs(own).max() == 0 else None  # else the spread over searches says more
            data = tolerance_data(own, (score.name, count.name), answers=answers)
        except ValueError:
            continue
        found["band"] = data.band
        for method, curve in data.curves.items():
            found["paths"][str(series.index((name, method)))] = [numbers(column) for column in curve.T]
    return found


def _spread(study: Study, objectives: tuple[str, str], series: Sequence[tuple[str, str]]) -> Json:
    """By series with several runs: what half of them attain, and the outline from 25 % to 75 %."""
    found: Json = {}
    for name in study.configs:
        own = trials_of(study, name)
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
        own = trials_of(study, name)
        try:
            data = hypervolume_data(own, study.objectives, over=over)
        except ValueError:
            continue
        found["unit"], found["box"] = data.unit, data.box
        for method, path in data.paths.items():
            found["paths"][str(series.index((name, method)))] = [numbers(column) for column in path.T]
    return found


def _timeline(study: Study, series: Sequence[tuple[str, str]]) -> Json:
    """Where the packs of a study lie on the clock, and the epochs trained; several studies have clocks of their own."""
    name = next(iter(study.configs))
    bars = packs(trials_of(study, name)) if len(study.configs) == 1 else packs(study.trials.iloc[:0])
    unit, scale = unit_of(float(bars["end"].max()) if len(bars) else 0.0)
    ends = bars.sort_values("end", kind="stable")
    if len(bars) > PACKS:
        return {"unit": unit, "bars": [], "epochs": [[], []], "lines": 0}
    return {
        "unit": unit,
        "lines": int(bars["line"].max()) + 1 if len(bars) else 0,
        "workers": bool(len(bars)) and bool(bars["worker"].notna().all()),
        "bars": [
            {
                **{key: bar[key] for key in ("pack", "line", "trials", "failed")},
                **{"series": series.index((name, bar["method"])), "start": number(bar["start"] / scale)},
                **{"length": number((bar["end"] - bar["start"]) / scale)},
            }
            for bar in bars.to_dict("records")
        ],
        "epochs": [numbers([0.0, *(ends["end"] / scale)]), numbers([0, *ends["epochs"].cumsum()])],
    }


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
    """By series, objective and parameter: its importance, and the interval where there is one."""
    found: dict[str, Json] = {}
    intervals: dict[str, Json] = {}
    for name in study.configs:
        table = importance(trials_of(study, name), (score.name, counts[0].name), declared=study.spaces.get(name))
        for line in table.itertuples(index=False):
            place, objective = str(series.index((name, str(line.method)))), str(line.objective)
            ends = [number(line.low), number(line.high)]
            for kept, value in ((found, number(line.importance)), (intervals, ends)):
                kept.setdefault(place, {}).setdefault(objective, {})[str(line.parameter)] = value
    return {"importance": found, "importance_intervals": intervals}
