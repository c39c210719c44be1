"""A team's database for optuna-dashboard: what a study has finished, as Optuna studies NAME/METHOD in it.

It is written to and never read from: what is asked next depends on the study directory alone, and a database that is
away costs no trial. Trials that are there are known by their names and passed over: writing twice changes nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import optuna
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.trial import FixedTrial, FrozenTrial

from search_spaces import Scale, suggest_parameters
from study.directory import OBJECTIVES, parameters_of
from study.search.outcome import displayed, exceeded, outcome
from trainables.errors import StudyError

if TYPE_CHECKING:
    from study.config import StudyConfig

_FROM = "directory"
"""The attribute of an Optuna study that says whose it is."""


class Database:
    """The database that ``config.storage`` names; connected to with the first trials.

    Args:
        directory: the study directory, as people call it.
        scales: the scale of the problem to each method, as `Search` takes it.

    Raises:
        StudyError: its URL is none, or what reads such databases is not installed.
    """

    def __init__(self, config: StudyConfig, directory: str, scales: Mapping[str, Scale]) -> None:
        from sqlalchemy import create_engine
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError

        self._config, self._directory, self._scales = config, directory, scales
        self._url = str(config.storage)
        self._storage: RDBStorage | None = None
        self._studies: dict[str, optuna.Study] = {}
        self._known: dict[str, set[str]] = {}
        try:
            create_engine(self._url).dispose()
        except ModuleNotFoundError as error:
            raise StudyError(
                f"storage: expected {error.name} to be installed for {self._url}: pip install 'study[postgres]'"
            ) from None
        except (ArgumentError, NoSuchModuleError) as error:
            raise StudyError(f"storage: expected a database's URL, postgresql://HOST/NAME, but got {error}") from None

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """The rows of finished trials; those that are there are passed over.

        Raises:
            StudyError: the studies of these names there are another directory's.
            Exception: whatever the database and its driver raise.
        """
        try:
            for row in rows:
                method = row["method"]
                if method not in self._studies:
                    self._open(method)
                if row["trial"] not in self._known[method]:
                    self._studies[method].add_trial(self._frozen(row))
                    self._known[method].add(row["trial"])
        finally:
            if self._storage is not None:
                self._storage.remove_session()  # of this thread; its connection waits in the pool

    def close(self) -> None:
        """Let its connections go."""
        if self._storage is not None:
            self._storage.engine.dispose()
            self._storage = None

    def _open(self, method: str) -> None:
        name, objectives = f"{self._config.name}/{method}", self._config.objectives
        if self._storage is None:
            self._storage = RDBStorage(self._url, engine_kwargs={"pool_pre_ping": True})
        storage = self._storage
        directions = [OBJECTIVES[objective].direction for objective in objectives]
        try:
            study = optuna.create_study(storage=storage, study_name=name, directions=directions)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                study.set_metric_names(list(objectives))
            study.set_user_attr(_FROM, self._directory)
        except DuplicatedStudyError:
            study = optuna.load_study(storage=storage, study_name=name)
            owner = study.user_attrs.get(_FROM)
            if owner != self._directory:
                raise StudyError(
                    f"{self._url} has a study {name} of {owner or 'somebody else'}: give this one another name"
                ) from None
        self._studies[method] = study
        self._known[method] = {str(trial.user_attrs.get("trial")) for trial in study.get_trials(deepcopy=False)}

    def _frozen(self, row: Mapping[str, Any]) -> FrozenTrial:
        method = row["method"]
        fixed = FixedTrial(parameters_of(row))
        space = self._config.implementation(method), self._config.space(method), self._scales[method]
        suggest_parameters(cast(optuna.Trial, fixed), *space)
        values, shown = outcome(row, self._config.objectives)
        state, values = displayed(row, values)
        trial = optuna.trial.create_trial(
            state=state,
            values=values,
            params=fixed.params,
            distributions=fixed.distributions,
            user_attrs={name: row[name] for name in ("trial", "pack", "seed", "data_seed")} | shown,
        )
        for name, excess in exceeded(row, self._config, {}).items():
            trial.set_constraint(name, excess)
        trial.datetime_complete = row["finished_at"]
        trial.datetime_start = row["finished_at"] - timedelta(seconds=row.get("train_seconds") or 0)
        return trial
