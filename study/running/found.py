"""What a driver finds in a study directory before it does anything: read once, a column at a time where that will do.

Rows as Python has them are large, and so is a study.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from study.config import StudyConfig
from study.directory import OBJECTIVES, Manifest, StudyDirectory, version_differences
from study.doctor import State, look, recover
from study.running.monitor import Monitor
from study.search import Search, StagedSearch, needed
from trainables.errors import StudyError

Row = dict[str, Any]

_LIBRARIES = ("transformers", "timm")
"""Of networks, which studies name as they do their own modules."""
_TIMES = ("finished_at", "train_seconds")


@dataclass(frozen=True)
class Found:
    """The trials that have results, and all manifests."""

    config: StudyConfig
    trials: pa.Table
    manifests: list[Manifest]

    @cached_property
    def rows(self) -> list[Row]:
        """All that going on needs of the trials."""
        found: list[Row] = self.trials.to_pylist()
        return found

    @property
    def outcomes(self) -> list[Row]:
        """What became of the trials; for a study that is complete, which nobody goes on with."""
        if not self.complete:
            return self.rows
        found: list[Row] = self.trials.drop_columns([n for n in _TIMES if n in self.trials.column_names]).to_pylist()
        return found

    @cached_property
    def finished(self) -> dict[str, str]:
        """The method of each finished pack."""
        return dict(zip(self.trials["pack"].to_pylist(), self.trials["method"].to_pylist(), strict=True))

    @cached_property
    def complete(self) -> bool:
        """Whether the budget is spent and nothing is left to be trained."""
        counts = Counter(self.trials["method"].to_pylist())
        spent = all(counts[name] >= self.config.budget(name) for name in self.config.methods)
        return spent and all(manifest["pack"] in self.finished for manifest in self.manifests)


def read_found(monitor: Monitor, directory: StudyDirectory, read: State | None = None) -> Found:
    """All that is known about the study, once what is damaged in its directory has been set aside.

    Args:
        read: what was found there by this driver, if it was read.
    """
    config, read = monitor.config, read or look(directory, live=False)
    if repaired := recover(directory, read):
        read = look(directory, live=False)
    for finding in repaired:
        monitor.warn(str(finding))
    manifests = list(read.manifests.values())
    found = Found(config, _columns(config, read.rows(), manifests), manifests)
    try:
        own = own_versions(config)
    except StudyError:
        if not found.complete:
            raise
        own = {"data": "not there"}
    for difference in version_differences(manifests, own):
        monitor.warn(difference)
    monitor.found_on_disk(found.outcomes)
    return found


def _columns(config: StudyConfig, table: pa.Table, manifests: list[Manifest]) -> pa.Table:
    """Those that are read: all for loggers, and where a manifest was lost."""
    known = pa.array([manifest["pack"] for manifest in manifests], pa.string())
    if config.loggers or config.storage or pc.all(pc.is_in(table["pack"], known)).as_py() is False:
        return table
    dense = {f"dense_{OBJECTIVES[name].column}" for name in config.objectives}
    wanted = {*needed(config), *dense, "number", "search", "repeats", "epochs", "status", "reason"}
    return table.select([name for name in table.column_names if name in wanted])


def own_versions(config: StudyConfig) -> dict[str, str]:
    """Versions of what trials depend on beside what all studies do: libraries of networks, and hashes of the user's own
    modules and of the files of the data."""
    from trainables.data import content_hash, files_hash
    from trainables.own_code import names_in

    found = {name: _version_of(name) for name in sorted(set(names_in(config.model_dump())))}
    found["data"] = content_hash(config.data.name)
    teacher = config.distil.teacher if config.distil else None
    files = {"weights": config.model.weights, "teacher": teacher}
    found |= {key: files_hash(Path(file)) for key, file in files.items() if file}
    return {name: value for name, value in found.items() if value}


def _version_of(name: str) -> str:
    """Of a module that a study names; empty where there is none, or nothing has loaded the user's own."""
    from trainables.own_code import source_hash

    if name not in _LIBRARIES:
        return source_hash(name)
    return version(name) if find_spec(name) else ""


def search_of(config: StudyConfig) -> type[Search]:
    """What asks for the study's trials."""
    return StagedSearch if config.staged else Search


def with_pack_size(config: StudyConfig, chosen: int | None) -> StudyConfig:
    """The study with another choice of what `pack.size: auto` comes to; None for none yet."""
    return config.model_copy(update={"pack": config.pack.model_copy(update={"chosen": chosen})})
