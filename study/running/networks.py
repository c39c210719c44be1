"""Which compact networks a study keeps.

Workers write those that may be on the front, before the rows of their pack; the driver removes what is off it, after
each pack.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from study.config import StudyConfig
from study.directory import Front, Manifest, Models, Row, StudyDirectory

if TYPE_CHECKING:
    from trainables.training import Outcome


class Writer:
    """A worker's side: writes the networks of one pack that may be on the front, stack by stack."""

    def __init__(self, config: StudyConfig, directory: StudyDirectory, manifest: Manifest) -> None:
        self._models, self._keep = Models(directory), config.keep_models
        self._known = {"study": config.name, "method": manifest["method"], "pack": manifest["pack"]}
        self._manifest = manifest
        self._data, self._seed = config.data_options(), config.seed
        # A configuration that another one of its pack dominates cannot be on the study's front, unless means over more
        # seeds are to come.
        self._all = self._keep == "all" or races(config)
        self._front = front_of_study(config)

    def write(self, rows: Sequence[Row], outcomes: Sequence[Outcome | None]) -> None:
        """The rows of some trials, and what became of their networks."""
        if self._keep == "none":
            return
        numbers = {spec["trial"]: spec["number"] for spec in self._manifest["trials"]}
        named = {"method": self._manifest["method"]}
        self._front.add([{**row, **named} | {"number": numbers[row["trial"]]} for row in rows])
        for row, outcome in zip(rows, outcomes, strict=True):
            wanted = self._all or row["trial"] in self._front
            if wanted and outcome is not None and outcome.module is not None:
                seed = row["data_seed"] if self._data.get("resample") else self._seed
                network = outcome.saved(row, **self._known, data=self._data, data_seed=seed)
                self._models.write(row["trial"], network)


def front_of_study(config: StudyConfig) -> Front:
    """An empty front, of the configurations that reach what the study requires."""
    seeds = {method: config.replicates(method) for method in config.methods}
    return Front(config.objectives, config.require, seeds, races(config))


def races(config: StudyConfig) -> bool:
    """Whether any method's candidates for the front are trained again."""
    return any(map(config.racing, config.methods))


class Keeper:
    """The driver's side: after each pack, removes the networks of finished trials that are not to be kept; at the end,
    where the front may still change by means over more seeds."""

    def __init__(self, config: StudyConfig, directory: StudyDirectory) -> None:
        self._models, self._keep = Models(directory), config.keep_models
        self._front, self._finished = front_of_study(config), set[str]()
        self._waits = races(config)

    def update(self, rows: Iterable[Row]) -> None:
        """The rows of trials that are finished; at first those that a study which is resumed has."""
        rows = list(rows)
        self._front.add(rows)
        self._finished |= {row["trial"] for row in rows}
        if rows and not self._waits:
            self._remove()

    def close(self) -> None:
        """The budget is spent."""
        self._remove()

    def _remove(self) -> None:
        if self._keep == "front":
            for trial in self._models.trials():
                if trial in self._finished and trial not in self._front:
                    self._models.remove(trial)
