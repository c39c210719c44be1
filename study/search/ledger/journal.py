"""Optuna's journal for optuna-dashboard: a mirror of what the search has asked and was told, never read.

The file has the format of optuna.storages.journal.JournalFileBackend, with as few entries as it takes, a pack at a
time. What others append, such as a note typed into the dashboard, stays in the file. It is a cache that is not synced
to the disk: a new one replaces the file of an earlier run at its first flush.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages.journal._storage import JournalOperation
from optuna.study import StudyDirection
from optuna.trial import TrialState

from study.directory import journal_draft

_METRIC_NAMES = "study:metric_names"
_CONSTRAINT = "constraints:"


class Journal:
    """One process writes it; studies and trials have the numbers in which they come.

    Args:
        path: of the file; None where there is none to be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._unwritten: list[str] = []
        self._started = False
        self._studies: dict[str, int] = {}
        self._trials = 0

    def study(self, name: str, directions: Sequence[str], metrics: Sequence[str]) -> None:
        """An empty study."""
        number = self._studies[name] = len(self._studies)
        numbered = [StudyDirection[direction.upper()] for direction in directions]
        self._write(JournalOperation.CREATE_STUDY, study_name=name, directions=numbered)
        attribute = {_METRIC_NAMES: list(metrics)}
        self._write(JournalOperation.SET_STUDY_SYSTEM_ATTR, study_id=number, system_attr=attribute)

    def trial(
        self,
        study: str,
        state: TrialState,
        parameters: Mapping[str, Any],
        distributions: Mapping[str, BaseDistribution],
        attributes: Mapping[str, Any],
        values: Sequence[float] | None = None,
        constraints: Mapping[str, float] | None = None,
        started: datetime | None = None,
        completed: datetime | None = None,
    ) -> int:
        """The next trial of a study; returns what `finish` calls it."""
        entry = {
            "study_id": self._studies[study],
            "state": state,
            "datetime_start": _time(started),
            "value": None,
            "values": None if values is None else list(values),
            "distributions": {name: _described(distribution) for name, distribution in distributions.items()},
            "params": {name: distributions[name].to_internal_repr(value) for name, value in parameters.items()},
            "user_attrs": dict(attributes),
            "system_attrs": {_CONSTRAINT + name: value for name, value in (constraints or {}).items()},
        }
        if state.is_finished():
            entry["datetime_complete"] = _time(completed)
        self._write(JournalOperation.CREATE_TRIAL, **entry)
        self._trials += 1
        return self._trials - 1

    def finish(
        self,
        trial: int,
        state: TrialState,
        values: Sequence[float] | None,
        attributes: Mapping[str, Any],
        constraints: Mapping[str, float],
    ) -> None:
        """A trial that was running ends."""
        for name, value in attributes.items():
            self._write(JournalOperation.SET_TRIAL_USER_ATTR, trial_id=trial, user_attr={name: value})
        for name, value in constraints.items():
            attribute = {_CONSTRAINT + name: value}
            self._write(JournalOperation.SET_TRIAL_SYSTEM_ATTR, trial_id=trial, system_attr=attribute)
        operation = JournalOperation.SET_TRIAL_STATE_VALUES
        self._write(operation, trial_id=trial, state=state, values=values, datetime_complete=_time(None))

    def flush(self) -> None:
        """Write what was added since the last time."""
        if not self._unwritten or self._path is None:
            return
        path = self._path if self._started else self._path.with_name(journal_draft(self._path.name))
        with path.open("a" if self._started else "w") as file:
            file.write("".join(self._unwritten))
        path.replace(self._path)
        self._started = True
        self._unwritten.clear()

    def _write(self, operation: JournalOperation, **entry: Any) -> None:
        if self._path is not None:
            self._unwritten.append(_line({"op_code": operation, "worker_id": "study", **entry}) + "\n")


_line = json.JSONEncoder(separators=(",", ":")).encode


@lru_cache(maxsize=1024)
def _described(distribution: BaseDistribution) -> str:
    return distribution_to_json(distribution)


def _time(moment: datetime | None) -> str:
    return (moment or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="microseconds")
