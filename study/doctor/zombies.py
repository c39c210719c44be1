"""Optuna trials that the journal has as RUNNING although their pack is finished or unknown.

A driver that is killed between a pack's results and its own next write leaves them. `study resume` writes the whole
journal anew; here they are found, and told, without it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._storage import JournalOperation
from optuna.trial import TrialState

from study.directory import Damaged
from study.search import outcome


@dataclass(frozen=True)
class Running:
    """An Optuna trial that is RUNNING, by the study's names; empty where the journal does not say."""

    study: str
    number: int
    trial: str
    pack: str

    @property
    def method(self) -> str:
        return self.study.rpartition("/")[2]


def running(journal: Path) -> list[Running]:
    """Those in a journal, which is only read.

    Of a million entries few matter here, so that Optuna is not asked to replay them.

    Raises:
        Damaged: a line is torn, or Optuna could not replay it.
    """
    replay = _Replay()
    with journal.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
            except ValueError as error:
                raise Damaged(f"line {number} is torn: {error}") from error
            if not isinstance(entry, dict) or not line.endswith(b"\n"):
                raise Damaged(f"line {number} is torn")
            try:
                replay.apply(entry)
            except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
                raise Damaged(f"Optuna cannot replay line {number}: {type(error).__name__}: {error}") from error
    return replay.found()


class _Replay:
    """What a journal says of trials that run; as in optuna.storages.JournalStorage."""

    def __init__(self) -> None:
        self.trials: list[Running] = []
        self.running: dict[int, None] = {}
        """By number among all, in the order in which they were opened."""
        self._studies: list[str | None] = []
        self._counts: list[int] = []
        self._finished: set[int] = set()

    def found(self) -> list[Running]:
        """Those of studies that are not deleted."""
        there = (self.trials[number] for number in self.running)
        return [trial for trial in there if trial.study in self._studies]

    def apply(self, entry: dict[str, Any]) -> None:
        operation = JournalOperation(entry["op_code"])
        if operation == JournalOperation.CREATE_STUDY:
            if entry["study_name"] not in self._studies:
                self._studies.append(str(entry["study_name"]))
                self._counts.append(0)
        elif operation == JournalOperation.DELETE_STUDY:
            self._studies[entry["study_id"]] = None
        elif operation == JournalOperation.CREATE_TRIAL:
            self._open(entry)
        elif operation == JournalOperation.SET_TRIAL_STATE_VALUES:
            self._state(entry["trial_id"], TrialState(entry["state"]))
        elif operation == JournalOperation.SET_TRIAL_USER_ATTR and entry["trial_id"] in self.running:
            known = {name: str(value) for name, value in entry["user_attr"].items() if name in ("trial", "pack")}
            self.trials[entry["trial_id"]] = replace(self.trials[entry["trial_id"]], **known)

    def _open(self, entry: dict[str, Any]) -> None:
        study = entry["study_id"]
        if study >= len(self._studies) or (name := self._studies[study]) is None:
            return
        attributes = entry.get("user_attrs", {})
        self.trials.append(Running(name, self._counts[study], attributes.get("trial", ""), attributes.get("pack", "")))
        self._counts[study] += 1
        self._state(len(self.trials) - 1, TrialState(entry.get("state", TrialState.RUNNING)))

    def _state(self, trial: int, state: TrialState) -> None:
        if trial >= len(self.trials):
            raise ValueError(f"there is no trial {trial}")
        if trial in self._finished:
            return
        if state == TrialState.RUNNING:
            self.running[trial] = None
        elif state.is_finished():
            self._finished.add(trial)
            self.running.pop(trial, None)


def conclude(journal: Path, zombie: Running, row: Mapping[str, Any] | None) -> None:
    """Tell Optuna how a zombie ended: as its row says, FAIL without one."""
    study = next(study for study in _studies(journal) if study.study_name == zombie.study)
    names = study.metric_names or []
    values, _ = outcome(row, names)
    study.tell(zombie.number, values, TrialState.FAIL if values is None else TrialState.COMPLETE)


def _studies(journal: Path) -> Iterator[optuna.Study]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        storage = JournalStorage(JournalFileBackend(str(journal)))
    for summary in storage.get_all_studies():
        yield optuna.load_study(study_name=summary.study_name, storage=storage)
