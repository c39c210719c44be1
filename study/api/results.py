"""Where a study stands, and how a run of it ended."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from study.config import StudyConfig, stored
from study.directory import StudyDirectory, driver_of


@dataclass(frozen=True)
class Result:
    """How a run ended. Trials are counted over the whole study, earlier runs included.

    Attributes:
        directory: where everything is; `analysis.load(result.directory.path())` reads it.
        stopped: why the run ended before the budget was spent; None if it was spent.
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
class Status:
    """How far a study is, in trials. ``damaged``: a line for each file that was left out."""

    study: str
    directory: str
    state: str
    finished: int
    budget: int
    methods: dict[str, MethodStatus]
    damaged: tuple[str, ...]


def status(directory: str | Path | StudyDirectory) -> Status:
    """How far the study in a directory is, whether it runs or not; nothing is changed.

    Raises:
        NotAStudy: there is none.
    """
    place = opened(directory)
    config = stored(place)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows = place.trials().select(["method", "pack", "status"]).to_pylist()
        manifests = place.manifests()
    finished = {row["pack"] for row in rows}
    waiting = [manifest for manifest in manifests if manifest["pack"] not in finished]
    methods = {}
    for name in config.methods:
        own = [row["status"] for row in rows if row["method"] == name]
        in_flight = sum(len(manifest["trials"]) for manifest in waiting if manifest["method"] == name)
        failed = sum(status != "COMPLETE" for status in own)
        methods[name] = MethodStatus(len(own), in_flight, failed, config.budget(name))
    budget, driver = sum(method.budget for method in methods.values()), driver_of(place.store)
    state = f"running, {driver}" if driver else "complete" if len(rows) >= budget else "stopped"
    damaged = tuple(str(warning.message) for warning in caught)
    return Status(config.name, place.path(), state, len(rows), budget, methods, damaged)


def opened(directory: str | Path | StudyDirectory) -> StudyDirectory:
    return directory if isinstance(directory, StudyDirectory) else StudyDirectory(directory)
