"""Two studies side by side: what differs in how they were run, and in what they found."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.axes import Axis, Points, measured
from analysis.palette import in_order, title
from analysis.statistics import (
    admissible,
    baseline,
    best_of,
    configurations,
    difference,
    fewest,
    hypervolume,
    per_run,
    reference_of,
)
from analysis.studies import Study
from analysis.text.summary import OVERALL
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
    fewest (the smallest count within `within` of the study's own dense baseline) `_first`, `_second` and `_change`; for
    best and test also `_change_low` and `_change_high`, Welch's interval over the searches of both, unknown where one
    has a single one. The objectives are the first study's score and count.

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
    box = reference_of(study.trials, objectives)
    sides = [study.trials[study.trials["study"] == name] for name in (first, second)]
    lines = []
    for method in [*in_order(study.trials["method"].unique()), OVERALL]:
        line: dict[str, object] = {"method": method}
        for name, side in zip(("first", "second"), sides, strict=True):
            own = side if method == OVERALL else side[side["method"] == method]
            own = configurations(own)
            own = own[admissible(own, objectives)]
            best = best_of(own, score)
            line[f"test_{name}"] = np.nan if best is None or pd.isna(best[score.test]) else float(best[score.test])
            line[f"hypervolume_{name}"] = hypervolume(own, objectives, reference=box) if len(own) else np.nan
            line[f"best_{name}"] = np.nan if best is None else float(best[score.column])
            line[f"fewest_{name}"] = _fewest(own, side, score, counts[0], within)
        rows = [side if method == OVERALL else side[side["method"] == method] for side in sides]
        for what, column in (("best", score.column), ("test", score.test)):
            line |= _interval(what, *(_best_per_run(own, score, column, objectives) for own in rows))
        lines.append(line)
    frame = pd.DataFrame(lines)
    for what in ("hypervolume", "best", "test", "fewest"):
        frame[f"{what}_change"] = frame[f"{what}_second"] - frame[f"{what}_first"]
    return Table(frame, _columns(score, counts[0]), _caption(first, second, str(box), score, counts[0], within))


def _best_per_run(own: pd.DataFrame, score: Axis, column: str, objectives: tuple[str, str]) -> Points:
    """What the trial that is best on validation data has in a column, for each search."""

    def chosen(run: pd.DataFrame) -> float:
        rows = configurations(run)
        best = best_of(rows[admissible(rows, objectives)], score)
        return np.nan if best is None or pd.isna(best[column]) else float(best[column])

    return np.asarray(per_run(own, chosen), dtype=np.float64)


def _interval(what: str, first: Points, second: Points) -> dict[str, object]:
    _, low, high = difference(first[~np.isnan(first)], second[~np.isnan(second)])
    return {f"{what}_change_low": low, f"{what}_change_high": high}


def _fewest(own: pd.DataFrame, side: pd.DataFrame, score: Axis, count: Axis, within: float) -> float:
    control = baseline(side, score.name)
    small = fewest(own, count.name, score.name, control.bound(score, within)) if control else None
    return np.nan if small is None else float(small[count.column])


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
        spread = (f"{key}_change_low", f"{key}_change_high") if key in ("best", "test") else ()
        columns.append(Column(f"{key}_change", "change", f"+{shape}", scale, spread))
    return tuple(columns)


_SIDES = ((1, "first"), (2, "second"))


def _caption(first: str, second: str, box: str, score: Axis, count: Axis, within: float) -> str:
    reach = f"{100 * within:g} {'points' if score.maximise else '%'}".replace("1 points", "1 point")
    return (
        f"1: {first}. 2: {second}. HV: hypervolume, the share of the box up to {box}. best: validation {score.name},"
        f" and test {score.name} of that network; changes with 95 % intervals (Welch, over searches) where both have"
        " several."
        f" {count.name}: of the smallest network within {reach} of the study's own dense baseline."
    )
