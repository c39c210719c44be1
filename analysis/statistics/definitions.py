"""What the words of every table, figure and sentence mean: each is defined here, and nowhere else.

- A trial is admissible when it is complete, its objectives are finite, and it reaches what its study requires.
- A configuration is one choice of parameters, trained with one or several seeds; its score and its counts are the
  means over them. Fronts, the baseline and operating points are of configurations; single trials are drawn as points.
- The baseline is the dense configuration with the best validation score; of several searches, the mean of theirs where
  one number or one line is needed, and each search's own in whatever is estimated over searches.
- "Within x" is x below the baseline's accuracy, or x (a share) above its loss.
- The box of a hypervolume goes up to the dense network's counts, on logarithmic scales, and down to the score that the
  study requires, else to that of chance.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.axes import AXES, Axis, Points, axes_of, expect_frame, minimised
from analysis.statistics.dominance import finite, nondominated
from study.directory import StudyError

DEFAULT = ("accuracy", "neurons")
BASELINE = "dense"
KEPT = 0.98
"""The share of the dense score at which networks are compared."""

REQUIRED = "required_"
"""Prefix of the columns with what a trial's study requires of the column that follows; see analysis.load."""
BOUND = "bound_"
"""Prefix of the columns with the constraint, on the column that follows, that a trial's search respected."""
CONFIGURATION = ["study", "search", "method", "configuration"]
"""The columns that tell configurations apart, where any has several trials."""

_TOLD = {*CONFIGURATION, "seeds", "trial", "status", "reason", "epochs"}


def narrowed(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> pd.DataFrame:
    """The trials with the columns that the definitions below read for these objectives: of a wide frame, taking rows
    is slow."""
    required = [axis for axis in axes_of(AXES) if f"{REQUIRED}{axis.column}" in trials]
    read = {*_TOLD, *CHANCE.values(), *(f"{REQUIRED}{axis.column}" for axis in required)}
    for axis in (*axes_of(objectives), *required):
        read |= {axis.column, axis.test if axis.is_score else axis.dense}
    return trials[[name for name in trials if name in read]]


# -- trials ------------------------------------------------------------------------------------------------------


def collapsed(trials: pd.DataFrame) -> NDArray[np.bool_]:
    """Mask (n,) of the trials that fall short of what their study requires: most often networks that say nothing."""
    found = np.zeros(len(trials), dtype=bool)
    for short in _short(trials).values():
        found |= short
    return found


def _short(trials: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """By the name of what is required: who falls short of it."""
    found = {}
    for axis in axes_of(AXES):
        if (column := f"{REQUIRED}{axis.column}") in trials:
            value = trials[axis.column].to_numpy(dtype=np.float64, na_value=np.nan)
            bound = trials[column].to_numpy(dtype=np.float64, na_value=np.nan)
            found[axis.name] = value < bound if axis.maximise else value > bound
    return found


def excluded(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> "pd.Series[Any]":
    """Why each trial must stay off every front; empty for the admissible ones.

    The reason is the status, or "accuracy missing" (NaN or null) or "accuracy infinite" for the first such objective,
    or "accuracy short of what is required".
    """
    axes = axes_of(objectives)
    why: pd.Series[Any] = trials["status"].astype("category").cat.rename_categories({"COMPLETE": ""}).rename("excluded")
    reasons = [
        (f"{axis.name} {word}", bad)
        for axis, column in zip(axes, minimised(trials, axes).T, strict=True)
        for word, bad in (("missing", np.isnan(column)), ("infinite", np.isinf(column)))
    ]
    reasons += [(f"{name} short of what is required", bad) for name, bad in _short(trials).items()]
    for label, bad in reasons:
        why = why.cat.add_categories(label).mask((why == "") & bad, label)
    return why


def admissible(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> NDArray[np.bool_]:
    """Mask (n,) of the trials that may be on a front."""
    return finite(candidates(trials, objectives))


def candidates(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> Points:
    """Minimised objective vectors (n, m), NaN where a trial is not complete or falls short of what is required."""
    points = minimised(trials, axes_of(objectives))
    if "status" not in trials:
        raise StudyError("trials: expected a frame of analysis.load, but it has no column 'status'")
    points[(trials["status"] != "COMPLETE").to_numpy(dtype=bool) | collapsed(trials)] = np.nan
    return points


def left_out(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> pd.DataFrame:
    """How many trials stay off the fronts and why: columns study, method, why, reason, trials.

    `why` is the category of `excluded`, `reason` the text the trial itself recorded.
    """
    why = excluded(trials, objectives).astype(str)
    keys = trials[["study", "method"]].assign(why=why, reason=trials["reason"].fillna(""))[why != ""]
    return keys.astype(str).value_counts(sort=False).rename("trials").reset_index()


# -- configurations ----------------------------------------------------------------------------------------------


def configurations(trials: pd.DataFrame) -> pd.DataFrame:
    """One row per configuration, with `seeds`, how many of its trials it is of.

    Scores (test scores too) and counts are means over its trials, training time is their sum, all else is the first
    one's, its name too. A configuration of which a trial diverged is not complete; one that broke off, by its code or
    with its worker, is no outcome and is left out. Where every configuration has one trial, these are the trials. Rows
    keep the index of their first trial.
    """
    if "seeds" in trials:
        return trials
    if "configuration" not in trials:
        return trials.assign(seeds=1)
    if "epochs" in trials:
        trials = trials[~((trials["status"] == "FAILED") & trials["epochs"].isna())]
    groups = trials.groupby([name for name in CONFIGURATION if name in trials], observed=True, sort=False)
    number = groups.ngroup()
    rows = trials[~number.duplicated()].copy()
    measured = [name for name in _measured() if name in trials]
    means = trials[measured].astype("float64").groupby(number, sort=False).mean()
    rows[measured] = means.set_axis(rows.index)
    rows["seeds"] = number.value_counts(sort=False).sort_index().to_numpy()
    if "train_seconds" in trials:
        rows["train_seconds"] = trials["train_seconds"].groupby(number).sum().to_numpy()
    incomplete = trials[trials["status"] != "COMPLETE"]
    if len(incomplete):
        places = number[incomplete.index]
        worst = incomplete[~places.duplicated()].set_index(places[~places.duplicated()])
        status = rows["status"].astype(str).to_numpy(dtype=object).copy()
        status[worst.index.to_numpy()] = worst["status"].astype(str)
        rows["status"] = pd.Categorical(status)
        if "reason" in trials:
            reason = rows["reason"].to_numpy(dtype=object).copy()
            reason[worst.index.to_numpy()] = worst["reason"].to_numpy(dtype=object)
            rows["reason"] = reason
    return rows


def _measured() -> list[str]:
    names = []
    for axis in axes_of(AXES):
        names += [axis.column, axis.dense] if not axis.is_score else [axis.column, axis.test]
        names += [f"{axis.column}_before_polish"]
    return [*names, "train_loss", "nonzero_weights"]


def runs(trials: pd.DataFrame) -> "pd.Series[int]":
    """The search of each trial, numbered from 0: one sampler's way through a budget of its own.

    A study holds as many as its `searches:` say. The seeds of a configuration are no searches: they share its
    parameters. Several loaded studies are searches of their own: load only repetitions of one configuration together.
    """
    keys = ["study", *(["search"] if "search" in trials else [])]
    return trials.groupby(keys, observed=True, sort=True).ngroup().rename("run")


# -- the baseline, and what reaches it ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Baseline:
    """The dense control: validation and test score of the configuration that is best on validation data.

    Attributes:
        seeds: trials that its score is the mean of.
        trial: its first trial's name; empty for the mean of several searches.
    """

    validation: float
    test: float
    seeds: int = 1
    trial: str = ""

    def bound(self, axis: Axis, within: float) -> float:
        """The worst score that still counts: `within` below an accuracy, (1 + within) times a loss."""
        return self.validation - within if axis.maximise else self.validation * (1.0 + within)

    def kept(self, axis: Axis, share: float = KEPT) -> float:
        """The worst score that keeps this share: share times an accuracy, (2 - share) times a loss."""
        return self.validation * (share if axis.maximise else 2.0 - share)


def baseline(trials: pd.DataFrame, score: str = "accuracy") -> Baseline | None:
    """The dense control of these trials; None where no dense trial finished.

    Of several searches each has its own best dense configuration, and their means are taken: the best of all would be
    selected from more trials than any method of a search had.
    """
    (axis,) = axes_of((score,))
    dense = trials[trials["method"] == BASELINE]
    found = []
    for _, run in dense.groupby(runs(dense)):
        rows = configurations(run)
        best = best_of(rows[admissible(rows, (score,))], axis)
        if best is not None:
            name = str(best["trial"])
            found.append(Baseline(float(best[axis.column]), _number(best[axis.test]), int(best["seeds"]), name))
    if len(found) < 2:
        return found[0] if found else None
    means = np.mean([(one.validation, one.test) for one in found], axis=0)
    return Baseline(float(means[0]), float(means[1]), sum(one.seeds for one in found))


def baseline_of_search(trials: pd.DataFrame, score: str = "accuracy") -> Callable[[pd.DataFrame], Baseline | None]:
    """A function of some trials of one search, those of a method say, that gives this search's baseline.

    What is estimated over searches is of each with a baseline of its own, as if nobody had seen the others.
    """
    keys = ["study", *(["search"] if "search" in trials else [])]

    def key_of(run: pd.DataFrame) -> tuple[str, ...]:
        return tuple(str(run[key].iloc[0]) for key in keys)

    found = {key_of(run): baseline(run, score) for _, run in trials.groupby(keys, observed=True)}
    return lambda run: found.get(key_of(run)) if len(run) else None


def fewest(trials: pd.DataFrame, count: str, score: str, bound: float) -> "pd.Series[Any] | None":
    """The smallest admissible configuration whose validation score reaches the bound, the better score on ties."""
    (score_axis,) = axes_of((score,))
    rows = configurations(trials)
    scores, counts = candidates(rows, (score, count)).T  # minimised, NaN where not admissible
    reach = np.isfinite(scores) & np.isfinite(counts) & (scores <= (-bound if score_axis.maximise else bound))
    if not reach.any():
        return None
    return best_of(rows[reach & (counts == counts[reach].min())], score_axis)


def best_of(rows: pd.DataFrame, axis: Axis) -> "pd.Series[Any] | None":
    """The row with the best value; of several the first by name, whatever the order of the rows."""
    values = rows[axis.column]
    ties = rows[values == (values.max() if axis.maximise else values.min())]
    return None if ties.empty else ties.sort_values("trial").iloc[0]


def _number(value: Any) -> float:
    return float(value) if pd.notna(value) else np.nan


# -- the front ---------------------------------------------------------------------------------------------------


def front_mask(rows: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> NDArray[np.bool_]:
    """Mask (n,) of the admissible rows that no other admissible row dominates."""
    return nondominated(candidates(rows, objectives))


def pareto(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT, *, by: str | None = None) -> pd.DataFrame:
    """The non-dominated configurations, best value of the first objective first; see `configurations` for their rows.

    What is not admissible is never on a front (`left_out` counts it). Configurations with the same objectives are all
    kept; `distinct` drops the repetitions.

    Args:
        trials: frame of `analysis.load`.
        objectives: names in study.directory.OBJECTIVES, which has their directions.
        by: a column, such as "method": one front for each of its values instead of one over all.
    """
    expect_frame(trials)
    rows = configurations(trials)
    if by is not None:
        if by not in trials:
            raise StudyError(f"by: expected a column of the trials, such as method, but got {by!r}")
        fronts = [pareto(group, objectives) for _, group in rows.groupby(by, observed=True)]
        return pd.concat(fronts) if fronts else rows.iloc[:0]
    points = candidates(rows, objectives)
    places = np.flatnonzero(nondominated(points))
    return rows.iloc[places[np.lexsort(points[places].T[::-1])]]


def front_members(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> NDArray[np.bool_]:
    """Mask (n,) of the trials whose configuration is on the front, one configuration for each objective vector."""
    rows = configurations(trials)
    front = distinct(rows[front_mask(rows, objectives)], objectives)
    if "configuration" not in trials or "seeds" in trials:
        return np.asarray(trials.index.isin(front.index))
    keys = [name for name in CONFIGURATION if name in trials]
    among = pd.MultiIndex.from_frame(front[keys].astype(str))
    return np.asarray(pd.MultiIndex.from_frame(trials[keys].astype(str)).isin(among))


def distinct(front: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> pd.DataFrame:
    """One row (the first) for each objective vector."""
    return front.drop_duplicates([axis.column for axis in axes_of(objectives)])


# -- the box of the hypervolume ----------------------------------------------------------------------------------

# Values with a meaning of their own: no correct answer; the error of always predicting the mean.
_WORST = {"accuracy": 0.0, "nmse": 1.0}
_IDEAL = {"accuracy": 1.0}
CHANCE = {"accuracy": "chance_accuracy", "mse": "chance_mse"}
"""Columns with the validation score of the best constant answer."""


@dataclass(frozen=True)
class Reference:
    """The box in which hypervolume is measured: from the `ideal` to the `worst` value of each objective.

    Attributes:
        log: the objectives that are measured by their logarithms: half the neurons gain as much anywhere.
    """

    objectives: tuple[str, ...]
    ideal: tuple[float, ...]
    worst: tuple[float, ...]
    log: tuple[str, ...] = ()

    def __str__(self) -> str:
        pairs = zip(self.objectives, self.worst, strict=True)
        return ", ".join(f"{name} {value:g}{' (log)' * (name in self.log)}" for name, value in pairs)

    def normalise(self, trials: pd.DataFrame) -> Points:
        """Objective vectors (n, m) with 0 at the ideal and 1 at the worst value, less is better.

        Linear, (z - ideal) / (worst - ideal), or the same of logarithms, in which less than the ideal is the ideal.
        """
        axes = axes_of(self.objectives)
        unit: Points = minimised(trials, axes)
        for column, axis in enumerate(axes):
            ideal, worst = self.ideal[column], self.worst[column]
            if axis.name in self.log:
                scaled = np.log(np.maximum(unit[:, column], ideal) / ideal) / np.log(worst / ideal)
            else:
                sign = -1.0 if axis.maximise else 1.0
                scaled = (unit[:, column] - sign * ideal) / (sign * (worst - ideal))
            unit[:, column] = scaled
        return unit


def reference_of(trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT) -> Reference:
    """The default box: ideal 1 for accuracy and for counts, 0 for losses; worst as follows.

    A score: what the study requires of it (the least, of several studies), else that of the best constant answer, where
    the study recorded it, else 0 for accuracy and 1 for nmse. Counts: the dense network's (the largest, where the
    trials have several), on a logarithmic scale. mse and loss without any of that: the worst on the front over all
    trials given (the nadir), so compare methods with one reference, made from all of them.

    Raises:
        ValueError: no trial tells the worst value, or the box would have no volume.
    """
    axes = axes_of(objectives)
    ideal, worst, log = list[float](), list[float](), list[str]()
    for axis in axes:
        value, best = _worst(axis, trials, objectives), _ideal(axis, trials, objectives)
        if not np.isfinite(value) or value == best:
            raise StudyError(
                f"no reference value for {axis.name!r}: expected a worst value other than the ideal,"
                f" got {value:g}; give one with analysis.Reference"
            )
        worst.append(value)
        ideal.append(best)
        log += [axis.name] if _counted(axis) else []
    return Reference(tuple(objectives), tuple(ideal), tuple(worst), tuple(log))


def _counted(axis: Axis) -> bool:
    return not axis.is_score and not axis.unit


def _ideal(axis: Axis, trials: pd.DataFrame, objectives: Sequence[str]) -> float:
    """A score of a study's own is from 0 to 1, and as far beyond as the front goes."""
    if axis.name == "score":
        return float(np.nanmax([1.0, trials.loc[front_mask(trials, objectives), axis.column].max()]))
    return 1.0 if _counted(axis) else _IDEAL.get(axis.name, 0.0)


def _worst(axis: Axis, trials: pd.DataFrame, objectives: Sequence[str]) -> float:
    if not axis.is_score:
        values = trials[axis.dense]
        return float(values.max()) if values.count() else np.nan
    for column in (f"{REQUIRED}{axis.column}", CHANCE.get(axis.name, "")):
        if column in trials and trials[column].notna().any():
            return float(trials[column].min() if axis.maximise else trials[column].max())
    if axis.name in _WORST:
        return _WORST[axis.name]
    values = trials.loc[front_mask(trials, objectives), axis.column]
    if axis.name == "score":
        return float(np.nanmin([0.0, values.min()]))
    return float(values.max()) if values.count() else np.nan
