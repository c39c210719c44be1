"""Optuna trials that the journal has as RUNNING although their pack is finished or unknown.

A driver that is killed between a pack's results and its own next write leaves them. `study resume` writes the whole
journal anew; here they are found, and told, without it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
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

    Raises:
        Damaged: a line is torn, or Optuna cannot replay it.
    """
    with journal.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
            except ValueError as error:
                raise Damaged(f"line {number} is torn: {error}") from error
            if not isinstance(entry, dict) or not line.endswith(b"\n"):
                raise Damaged(f"line {number} is torn")
    try:
        return [
            Running(study.study_name, trial.number, trial.user_attrs.get("trial", ""), trial.user_attrs.get("pack", ""))
            for study in _studies(journal)
            for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        ]
    except Exception as error:  # Optuna trusts its journal, and stumbles over a wrong one anywhere
        raise Damaged(f"Optuna cannot replay it: {type(error).__name__}: {error}") from error


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
