"""Where a study stands, and how a run of it ended."""

from __future__ import annotations

import json
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from study.config import StudyConfig, stored
from study.directory import PROGRESS, StudyDirectory, broke_off, driver_of

Location: TypeAlias = str | Path | StudyDirectory
"""A study directory: a path, an object-store URI, or what stands for one."""


@dataclass(frozen=True)
class Result:
    """How a run ended. Trials are counted over the whole study, earlier runs included.

    Attributes:
        directory: where everything is; `analysis.load(result.directory.path())` reads it.
        stopped: why the run ended before the budget was spent; None if it was spent.
        then: the command that goes on with it; empty where nothing is left to go on with.
        exit_code: 0; 128 + the number of a signal; 1 where something in the world is broken.
        warnings: what was not wrong enough to stop for.
    """

    directory: StudyDirectory
    config: StudyConfig
    finished: int
    failed: int
    budget: int
    seconds: float
    stopped: str | None = None
    then: str = "resume"
    exit_code: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return self.stopped is None


@dataclass(frozen=True)
class MethodStatus:
    """Trials of one method. FAILED and NOT_EQUIVALENT ones count as finished and as failed."""

    finished: int
    in_flight: int
    failed: int
    budget: int


@dataclass(frozen=True)
class PackStatus:
    """A pack in training: the fraction of its epochs that is done, and since when there was no more."""

    fraction: float
    seconds_since_progress: float


@dataclass(frozen=True)
class Status:
    """How far a study is, in trials.

    ``damaged``: a line for each file that was left out. ``broke_off``: trials that failed before their end, which
    `study retry` trains again. ``training``: packs, as their driver last said. ``epochs``: of the finished trials;
    ``epochs_saved``: those that the ones which were stopped early did not take, and those of shared beginnings.
    ``repeats``: the finished trials that train a configuration again, which is a candidate for the front.
    """

    study: str
    directory: str
    state: str
    finished: int
    budget: int
    methods: dict[str, MethodStatus]
    damaged: tuple[str, ...]
    broke_off: int
    training: dict[str, PackStatus]
    epochs: int = 0
    epochs_saved: int = 0
    repeats: int = 0


def status(directory: Location) -> Status:
    """How far the study in a directory is, whether it runs or not; nothing is changed.

    Raises:
        NotAStudy: there is none.
    """
    place = opened(directory)
    config = stored(place)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows = place.trials().select(["method", "pack", "status", "epochs", "shared_epochs", "repeats"]).to_pylist()
        waiting = place.manifests(without={row["pack"] for row in rows})
    methods = {}
    for name in config.methods:
        own = [row["status"] for row in rows if row["method"] == name]
        in_flight = sum(len(manifest["trials"]) for manifest in waiting if manifest["method"] == name)
        failed = sum(status not in ("COMPLETE", "STOPPED") for status in own)
        methods[name] = MethodStatus(len(own), in_flight, failed, config.budget(name))
    budget, driver = sum(method.budget for method in methods.values()), driver_of(place.store)
    failures = sum(map(broke_off, rows))
    ended = f"ended, {failures} of them failed" if failures else "complete"
    state = ended if len(rows) >= budget else "stopped"
    if driver is not None:
        state = f"{state}; {driver.account}" if driver.silent else driver.account
    training = _training(place) if driver else {}
    shared = sum(row["shared_epochs"] or 0 for row in rows)
    epochs = sum(row["epochs"] or 0 for row in rows) - shared
    saved = [config.epochs_saved(row["method"], row["epochs"]) for row in rows if row["status"] == "STOPPED"]
    damaged = tuple(str(warning.message) for warning in caught)
    return Status(
        config.name,
        place.path(),
        state,
        len(rows),
        budget,
        methods,
        damaged,
        failures,
        training,
        epochs,
        sum(saved) + shared,
        sum(row["repeats"] is not None for row in rows),
    )


def _training(place: StudyDirectory) -> dict[str, PackStatus]:
    try:
        found = json.loads(place.store.get(PROGRESS))
        now = time.time()
        return {pack: PackStatus(float(at["fraction"]), max(0.0, now - at["since"])) for pack, at in found.items()}
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        return {}  # it is for people, and made anew every few seconds


def opened(directory: Location) -> StudyDirectory:
    return directory if isinstance(directory, StudyDirectory) else StudyDirectory(directory)
