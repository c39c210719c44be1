"""Two studies side by side: what differs in how they were run, and in what they found."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.axes import Axis, Points, measured
from analysis.palette import in_order, title
from analysis.statistics import baseline, configurations, difference, narrowed, reference_of, runs
from analysis.studies import Study
from analysis.text.summary import OVERALL, of_method, reached
from analysis.text.table import Column, Table
from study.directory import StudyError

_ABSENT = "–"
_ASIDE = ("name", "notes", "published", "reproduction", "pack", "resources", "checkpoint", "retries", "keep_models")


def settings_that_differ(one: Mapping[str, Any], two: Mapping[str, Any]) -> pd.DataFrame:
    """The keys (dotted) of two configurations that are not the same: columns setting, first, second.

    Left out is what no result depends on: names and notes, where packs run, and what is kept.
    """
    flat = [dict(_flat(config)) for config in (one, two)]
    keys = [key for key in dict.fromkeys([*flat[0], *flat[1]]) if key.split(".")[0] not in _ASIDE]
    lines = [(key, *(str(side.get(key, _ABSENT)) for side in flat)) for key in keys]
    different = [line for line in lines if line[1] != line[2]]
    return pd.DataFrame(different, columns=["setting", "first", "second"])


def check_replicates(configs: Mapping[str, Mapping[str, Any]]) -> None:
    """Several studies are searches of one another's only where nothing but seeds and budgets differ.

    Raises:
        StudyError: they differ in more; it names the first keys.
    """
    (first, one), *others = configs.items()
    for name, other in others:
        keys = [key for key in settings_that_differ(one, other)["setting"] if key.split(".")[-1] not in _REPEATED]
        if keys:
            more = ", ..." if len(keys) > 3 else ""
            raise StudyError(
                f"expected studies that repeat one another, but {first} and {name} differ in {', '.join(keys[:3])}"
                f"{more}; make a table of each, or `study compare` them"
            )


_REPEATED = ("seed", "searches", "trials")


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def compare(study: Study, *, within: float = 0.01) -> Table:
    """For each method what it reached in two studies, in one reference box, and the difference, second minus first.

    Columns of the frame: method; then for each of hypervolume, best (validation score), test (of that network) and
    fewest (the smallest count within `within` of the search's own dense baseline) `_first`, `_second` and `_change`,
    with Welch's interval `_change_low` and `_change_high` over the searches of both, unknown where one has a single
    one. Of several searches each chooses by itself, and the means over them are given, unknown where one has none. The
    objectives are the first study's score and count.

    Args:
        study: two studies loaded together: `analysis.load(DIR1, DIR2)`.

    Raises:
        ValueError: not two studies, or none of their trials has a score and a count.
    """
    if len(study.configs) != 2:
        raise StudyError(f"expected two studies, got {len(study.configs)}")
    first, second = study.configs
    score, counts = measured(study.trials, study.objectives)
    objectives = (score.name, counts[0].name)
    trials = configurations(narrowed(study.trials, objectives))
    box = reference_of(trials, objectives)
    sides = []
    for name in (first, second):
        own = trials[trials["study"] == name]
        searches = [run for _, run in own.groupby(runs(own))]
        sides.append([(run, baseline(run, score.name)) for run in searches])
    lines = []
    for method in [*in_order(trials["method"].unique()), OVERALL]:
        found = []
        for side in sides:
            groups = [(of_method(run, method), control) for run, control in side]
            found.append(
                [
                    reached(group, objectives, score, counts[0], control, within, box)
                    for group, control in groups
                    if len(group)
                ]
            )
        line: dict[str, object] = {"method": method}
        for what, key in _WHAT.items():
            one, other = (np.array([run[key] for run in side], dtype=np.float64) for side in found)
            change, low, high = difference(one, other)
            line |= {f"{what}_first": _mean(one), f"{what}_second": _mean(other), f"{what}_change": change}
            line |= {f"{what}_change_low": low, f"{what}_change_high": high}
        lines.append(line)
    several = max(map(len, sides)) > 1
    caption = _caption(first, second, str(box), score, counts[0], within, several)
    return Table(pd.DataFrame(lines), _columns(score, counts[0]), caption)


_WHAT = {"hypervolume": "hypervolume", "best": "best_validation", "test": "best_test", "fewest": "fewest"}
"""What is compared, and how `summary` calls it."""


def _mean(values: Points) -> float:
    return float(values.mean()) if len(values) else np.nan


def _columns(score: Axis, count: Axis) -> tuple[Column, ...]:
    form, unit = (".2f", "%") if score.percent else (".4g", score.name)
    columns = [Column("method", "method", title)]
    for key, heading, shape, scale in (
        ("hypervolume", "HV", ".4f", 1.0),
        ("best", f"best {unit}", form, score.scale),
        ("test", f"test {unit}", form, score.scale),
        ("fewest", count.name, ",.0f", 1.0),
    ):
        columns += [Column(f"{key}_{side}", f"{heading} {index}", shape, scale) for index, side in _SIDES]
        spread = (f"{key}_change_low", f"{key}_change_high")
        columns.append(Column(f"{key}_change", "change", f"+{shape}", scale, spread))
    return tuple(columns)


_SIDES = ((1, "first"), (2, "second"))


def _caption(first: str, second: str, box: str, score: Axis, count: Axis, within: float, several: bool) -> str:
    reach = f"{100 * within:g} {'points' if score.maximise else '%'}".replace("1 points", "1 point")
    means = " Means over searches, of which each chooses by itself." if several else ""
    return (
        f"1: {first}. 2: {second}.{means} HV: hypervolume, the share of the box up to {box}. best: validation"
        f" {score.name}, and test {score.name} of that network. {count.name}: of the smallest network within {reach} of"
        " the same search's dense baseline. Changes with 95 % intervals (Welch, over searches) where both studies have"
        " several."
    )
