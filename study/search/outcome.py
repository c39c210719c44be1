"""What Optuna is told of a trial, from its row in the study directory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from optuna.trial import TrialState

from study.directory import OBJECTIVES, PARAMETER, VERSION, Manifest, TrialSpec

if TYPE_CHECKING:
    from study.config import StudyConfig

_SHOWN = ("status", "reason", "train_seconds", "neurons", "inputs", "parameters", "macs", "test_accuracy")


def needed(config: StudyConfig) -> list[str]:
    """The columns of trials that `Search.rebuild` reads; where a manifest was lost, all are."""
    names = ["trial", "pack", "method", "finished_at", "epochs", *_SHOWN]
    constrained = [one.objective for one in config.constrained]
    columns = [OBJECTIVES[name].column for name in (*config.objectives, *config.require, *constrained)]
    dense = [
        f"dense_{OBJECTIVES[one.objective].column}" for one in config.constrained if one.share and not one.is_score
    ]
    return list(dict.fromkeys([*names, *columns, *dense]))


def outcome(row: Mapping[str, Any] | None, objectives: Sequence[str]) -> tuple[list[float] | None, dict[str, Any]]:
    """The objectives' values in the order given, None if the trial failed; and what the dashboard shows.

    A trial fails when it has no row, its status is neither COMPLETE nor STOPPED, or an objective is missing or not
    finite. One that was stopped counts with what it would have ended with there; a point that its path did not come to
    has no outcome.
    """
    if row is None:
        return None, {"reason": "its pack finished without a row for it"}
    shown = {name: row[name] for name in _SHOWN if row.get(name) is not None}
    if row["status"] not in ("COMPLETE", "STOPPED"):
        return None, {"reason": "no reason was given", **shown}
    found = {name: row.get(OBJECTIVES[name].column) for name in objectives}
    values = {name: math.nan if value is None else float(value) for name, value in found.items()}
    unfit = [f"{name} is {value}" for name, value in values.items() if not math.isfinite(value)]
    if unfit:
        return None, {"reason": "expected finite objectives: " + ", ".join(unfit), **shown}
    return list(values.values()), shown


def displayed(row: Mapping[str, Any] | None, values: list[float] | None) -> tuple[TrialState, list[float] | None]:
    """State and values as dashboards get them: a trial that was stopped is pruned there, and on no front of theirs."""
    if row is not None and row["status"] == "STOPPED":
        return TrialState.PRUNED, None
    return (TrialState.FAIL, None) if values is None else (TrialState.COMPLETE, values)


def violations(row: Mapping[str, Any] | None, require: Mapping[str, float]) -> dict[str, float]:
    """How far a trial is from what the study requires, by objective; above 0 where it falls short.

    Without it a search for few neurons spends its trials on networks that have collapsed: none is smaller.
    """
    found = {name: (row or {}).get(OBJECTIVES[name].column) for name in require}
    return {
        name: (require[name] - value) * (1 if OBJECTIVES[name].maximise else -1)
        for name, value in found.items()
        if value is not None
    }


def exceeded(row: Mapping[str, Any] | None, config: StudyConfig, scores: Mapping[str, float]) -> dict[str, float]:
    """What Optuna is told of constraints: `violations` of what is required, and of the study's ``constraints``.

    Args:
        scores: of the dense network, by objective; a constraint relative to one that is not known is left out.
    """
    found = violations(row, config.require)
    for constraint in config.constrained if row else ():
        if (excess := constraint.excess(row or {}, scores)) is not None:
            found[constraint.text] = excess
    return found


def manifest_of(rows: Sequence[Mapping[str, Any]]) -> Manifest:
    """The manifest that a pack's rows came from, for one that was lost after its pack had finished."""
    trials: list[TrialSpec] = [
        {
            "trial": row["trial"],
            "number": row["number"],
            "lane": row["lane"],
            "seed": row["seed"],
            "data_seed": row["data_seed"],
            "parameters": {
                name.removeprefix(PARAMETER): value
                for name, value in row.items()
                if name.startswith(PARAMETER) and value is not None
            },
            **_repeated(row),
        }
        for row in rows
    ]
    return manifest_with(rows[0]["method"], rows[0]["pack"], trials, int(rows[0].get("search") or 0))


def _repeated(row: Mapping[str, Any]) -> TrialSpec:
    found = {} if row.get("repeats") is None else {"repeats": int(row["repeats"])}
    return cast(TrialSpec, found)


def manifest_with(method: str, pack: str, trials: list[TrialSpec], search: int) -> Manifest:
    """A new pack's; that of a study with one search does not name it."""
    made: Manifest = {"schema": VERSION, "pack": pack, "method": method, "trials": trials}
    return {**made, "search": search} if search else made
