"""The dense network's scores that a search's constraints are relative to: reports' baseline, of what is there."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from study.directory import OBJECTIVES, Manifest, broke_off

if TYPE_CHECKING:
    from study.config import StudyConfig

Row = Mapping[str, Any]


def dense_scores(manifest: Manifest, rows: Mapping[str, Row], config: StudyConfig) -> dict[str, float]:
    """Those of the objectives that constraints are relative to: of the best configuration the mean over its seeds.

    As `analysis` defines its baseline: trials that broke off are no outcome, a configuration of which one diverged is
    not complete, one that falls short of what is required is none, and where all parameters are pinned there is one.

    Args:
        manifest: of dense trials.
        rows: theirs, by trial.
    """
    complete = [own for own in _configurations(manifest, rows, config) if all(_complete(row) for row in own)]
    reaching = [own for own in complete if _reaches(own, config.require)]
    found: dict[str, float] = {}
    for name in dict.fromkeys(one.objective for one in config.constrained if one.needs_score):
        means = [mean for own in reaching if math.isfinite(mean := _mean(own, name))]
        if means:
            found[name] = max(means) if OBJECTIVES[name].maximise else min(means)
    return found


def _configurations(manifest: Manifest, rows: Mapping[str, Row], config: StudyConfig) -> list[list[Row]]:
    specs = manifest["trials"]
    pinned = specs and specs[0]["parameters"] and all(one["parameters"] == specs[0]["parameters"] for one in specs)
    found: dict[int, list[Row]] = defaultdict(list)
    for spec in specs:
        row = rows.get(spec["trial"])
        if row is not None and not broke_off(row):
            found[0 if pinned else spec["number"] // config.replicates(manifest["method"])].append(row)
    return list(found.values())


def _complete(row: Row) -> bool:
    return bool(row["status"] == "COMPLETE")


def _mean(rows: Sequence[Row], objective: str) -> float:
    values = [row.get(OBJECTIVES[objective].column) for row in rows]
    return math.fsum(math.nan if value is None else float(value) for value in values) / len(values)


def _reaches(rows: Sequence[Row], require: Mapping[str, float]) -> bool:
    for name, bound in require.items():
        mean = _mean(rows, name)
        if mean < bound if OBJECTIVES[name].maximise else mean > bound:
            return False
    return True
