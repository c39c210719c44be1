"""The experiment trackers that a study also writes to: one run for each of its trials, by Ray Tune's own loggers.

A trial of Tune's is a pack here, and trains in a stack. So Tune's loggers are not given to Tune: they are told of the
study's trials, each as if it had been a trial of Tune's, once its pack is finished. They work in a thread of their own,
and a tracker that does not answer costs no trial: what it has not got is written when the study is resumed.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any

from search_spaces import Scale
from study.config import StudyConfig
from study.directory import StudyDirectory, broke_off, event_path, logged_path, parameters_of
from study.search import Database
from trainables.errors import StudyError

Row = Mapping[str, Any]


@dataclass(eq=False)
class _Run:
    """A trial of the study, as far as Tune's loggers look at one of Tune's."""

    name: str
    trial_id: str
    config: dict[str, Any]
    local_path: str
    experiment_dir_name: str
    """What Weights & Biases groups runs by."""

    @property
    def evaluated_params(self) -> dict[str, Any]:
        return self.config

    def init_local_path(self) -> None:
        Path(self.local_path).mkdir(parents=True, exist_ok=True)

    def __str__(self) -> str:
        return self.name


class Loggers:
    """Writes finished trials to the study's loggers, each once; a context manager.

    Args:
        warn: told of a logger that failed; it is left alone from then on.
        scales: the scale of the problem to each method, for the database.

    Raises:
        StudyError: a logger's package is not installed, or it has no key.
    """

    def __init__(
        self,
        config: StudyConfig,
        directory: StudyDirectory,
        warn: Callable[[str], None],
        scales: Mapping[str, Scale] = MappingProxyType({}),
    ) -> None:
        self._directory, self._study, self._warn = directory, config.name, warn
        self._database = Database(config, directory.path(), scales) if config.storage else None
        self._callbacks: dict[str, Any] = {name: _callback(name, config.name) for name in config.loggers}
        self._set_up = set[str]()
        self._scratch = Path(tempfile.mkdtemp()) if self._callbacks else Path()
        self._thread = ThreadPoolExecutor(1, "loggers")

    def __enter__(self) -> Loggers:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close(wait=False)

    def update(self, rows: Iterable[Row]) -> None:
        """The trial rows of finished packs; what has been logged before is passed over."""
        rows = list(rows)
        if self._database:
            self._thread.submit(self._write, rows)
        if self._callbacks:
            for pack, own in groupby(sorted(rows, key=lambda row: row["pack"]), key=lambda row: row["pack"]):
                self._thread.submit(self._log, pack, list(own))

    def close(self, wait: bool = True) -> None:
        """Log what is waiting, or leave it to the next run."""
        self._thread.shutdown(cancel_futures=not wait)
        if self._database:
            self._database.close()
        if self._callbacks:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _write(self, rows: Sequence[Row]) -> None:
        """Into the team's database."""
        if self._database is None:
            return
        try:
            self._database.write(row for row in rows if not broke_off(row))
        except Exception as error:  # of a service elsewhere, which the study does not depend on
            self._database.close()
            self._database = None
            why = str(error) if isinstance(error, StudyError) else f"{type(error).__name__}: {error}".splitlines()[0]
            self._warn(f"storage: {why}; what it has not got is written when the study is resumed")

    def _log(self, pack: str, rows: Sequence[Row]) -> None:
        for name in list(self._callbacks):
            try:
                self._log_to(name, pack, rows)
            except Exception as error:  # of a service elsewhere, which the study does not depend on
                del self._callbacks[name]
                why = f"{type(error).__name__}: {error}"
                self._warn(f"loggers: {name}: {why}; what it has not got is written when the study is resumed")

    def _log_to(self, name: str, pack: str, rows: Sequence[Row]) -> None:
        store, marker, callback = self._directory.store, logged_path(name, pack), self._callbacks[name]
        logged = set(json.loads(store.get(marker))) if store.exists(marker) else set[str]()
        new = {row["trial"]: row for row in rows if not broke_off(row) and row["trial"] not in logged}
        if not new:
            return
        if name not in self._set_up:
            callback.setup()
            self._set_up.add(name)
        curves = self._directory.curves([pack], new).sort_by([("trial", "ascending"), ("epoch", "ascending")])
        for trial, curve in groupby(curves.to_pylist(), key=lambda entry: str(entry["trial"])):
            run = self._run(new[trial])
            _tell(callback, run, new[trial], list(curve))
            if name == "tensorboard":
                self._keep_events(run)
        store.put(marker, json.dumps(sorted({*logged, *new})).encode(), replace=True)

    def _run(self, row: Row) -> _Run:
        trial, method = str(row["trial"]), str(row["method"])
        known = {"study": self._study, "method": method, "seed": row["seed"], "data_seed": row["data_seed"]}
        where = blake2b(self._directory.path().encode(), digest_size=4).hexdigest()
        config = known | parameters_of(row)
        run = _Run(trial, f"{self._study}-{trial}-{where}", config, str(self._scratch / trial), method)
        run.init_local_path()
        return run

    def _keep_events(self, run: _Run) -> None:
        (events,) = Path(run.local_path).glob("*tfevents*")
        self._directory.store.put(event_path(run.name), events.read_bytes(), replace=True)
        shutil.rmtree(run.local_path)


def _tell(callback: Any, run: _Run, row: Row, curve: Sequence[Row]) -> None:
    """A trial from its start to its end, the row's scores and counts beside the last epoch of the curve."""
    callback.log_trial_start(run)
    for entry in curve:
        numbers = _numbers(entry) | (_numbers(row) if entry is curve[-1] else {})
        callback.log_trial_result(entry["epoch"], run, numbers | {"training_iteration": entry["epoch"]})
    callback.log_trial_end(run, failed=row["status"] not in ("COMPLETE", "STOPPED"))
    callback.on_experiment_end([run])  # Weights & Biases waits here until all is sent


_NAMES = ("epoch", "epochs", "seed", "data_seed", "number", "lane")
"""Numbers that measure nothing."""


def _numbers(row: Row) -> dict[str, float]:
    """What can be drawn."""
    return {
        name: value
        for name, value in row.items()
        if isinstance(value, int | float)
        and math.isfinite(value)
        and name not in _NAMES
        and not name.startswith("param_")
    }


def _callback(name: str, study: str) -> Any:
    """Ray Tune's logger of that name; what it is told besides comes from its own environment variables."""
    try:
        if name == "tensorboard":
            import tensorboardX  # noqa: F401  # Tune's logger asks for it only when the first trial is there
            from ray.tune.logger import TBXLoggerCallback

            return TBXLoggerCallback()
        if name == "mlflow":
            import mlflow  # noqa: F401
            from ray.air.integrations.mlflow import MLflowLoggerCallback

            return MLflowLoggerCallback(experiment_name=os.environ.get("MLFLOW_EXPERIMENT_NAME", study))
        import wandb  # noqa: F401
        from ray.air.integrations.wandb import WandbLoggerCallback

        callback = WandbLoggerCallback(
            project=os.environ.get("WANDB_PROJECT", study), dir=os.environ.get("WANDB_DIR", str(Path.cwd()))
        )
        callback.setup()
        return callback
    except ImportError as error:
        raise StudyError(
            f"loggers: {name}: expected its package to be installed (pip install 'study[{name}]'), but got: {error}"
        ) from None
    except ValueError as error:
        raise StudyError(f"loggers: {name}: {error}") from None
