"""Which parameters a method searched, and which of them matter: PED-ANOVA."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from analysis.axes import axes_of
from analysis.palette import in_order
from analysis.statistics.definitions import DEFAULT, admissible
from study.directory import PARAMETER

ENOUGH = 8
"""Fewer trials than this tell nothing about parameters."""


def searched(trials: pd.DataFrame) -> list[str]:
    """The `param_NAME` columns that take at least two values in these trials, which should be of one method."""
    return [name for name in trials.columns if name.startswith(PARAMETER) and len(trials[name].dropna().unique()) > 1]


def logarithmic(values: "pd.Series[Any]") -> bool:
    """Whether a parameter is better shown, and weighed, by its logarithm: positive, over a decade or more."""
    if values.dtype.kind != "f":
        return False
    low, high = values.min(), values.max()
    return bool(low > 0 and high >= 10 * low)


def importance(
    trials: pd.DataFrame, objectives: Sequence[str] = DEFAULT, *, sample: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """How much each searched parameter decides whether a trial is good in an objective.

    Columns: method, objective, parameter (without its prefix), importance, trials. Importances of a method and
    objective add up to 1. By Optuna's PED-ANOVA: the share of the variance of "is among the best tenth" that a
    parameter explains (Watanabe et al. 2023). Parameters that were pinned have none; those that only some of a
    method's trials have (a conditional space) are weighed among the trials that have all of the others.

    Args:
        sample: at most so many trials of a method are looked at, drawn with `seed`; PED-ANOVA converges long before.
    """
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    axes = axes_of(objectives)
    lines: list[dict[str, object]] = []
    usable = trials[admissible(trials, objectives)]
    for method in in_order(usable["method"].unique()):
        group = usable[usable["method"] == method]
        names = [name for name in searched(group) if group[name].notna().all()]
        if len(group) < ENOUGH or not names:
            continue
        if len(group) > sample:
            group = group.sample(sample, random_state=seed)
        domains = {name: _domain(group[name]) for name in names}
        for axis in axes:
            values = group[axis.column].to_numpy(np.float64)
            if np.ptp(values) == 0:
                continue
            with _quiet():
                study = optuna.create_study(direction="maximize" if axis.maximise else "minimize")
            study.add_trials(
                [
                    optuna.create_trial(value=value, params=dict(zip(names, row, strict=True)), distributions=domains)
                    for value, row in zip(values.tolist(), group[names].itertuples(index=False), strict=True)
                ]
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(), params=names)
            lines += [
                {
                    "method": method,
                    "objective": axis.name,
                    "parameter": name.removeprefix(PARAMETER),
                    "importance": float(share),
                    "trials": len(group),
                }
                for name, share in found.items()
            ]
    return pd.DataFrame(lines, columns=["method", "objective", "parameter", "importance", "trials"])


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna announces every study it makes; these live for a moment."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)


def _domain(values: "pd.Series[Any]") -> Any:
    """The distribution that the values could have been drawn from: their range, or the words that occur."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if values.dtype.kind != "f":
        return CategoricalDistribution(sorted(values.unique()))
    return FloatDistribution(float(values.min()), float(values.max()), log=logarithmic(values))
