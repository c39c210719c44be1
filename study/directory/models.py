"""The models/ folder of a study: compact networks of the front, or of all trials.

    models/TRIAL.safetensors    the network, its card and a checksum in the header: all that is needed
    models/TRIAL.json           the card, to be read without tools

Workers write, before the rows of their pack; the driver removes what is not to be kept, after each pack.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import moocore
import numpy as np

from study.directory.layout import MODELS
from study.directory.study_directory import OBJECTIVES, Manifest, StudyDirectory
from trainables.errors import StudyError

if TYPE_CHECKING:
    from trainables.deploy import Saved
    from trainables.training import Outcome

_NETWORK, _CARD = ".safetensors", ".json"

Row = Mapping[str, Any]


class Front:
    """The trials that no other one dominates, kept up to date; as `analysis.pareto` has them."""

    def __init__(self, objectives: Sequence[str]) -> None:
        self._objectives = tuple(OBJECTIVES[name] for name in objectives)
        self._points: dict[str, list[float]] = {}

    def __contains__(self, trial: object) -> bool:
        return trial in self._points

    def __len__(self) -> int:
        return len(self._points)

    @property
    def trials(self) -> list[str]:
        """Best value of the first objective first."""
        return sorted(self._points, key=lambda trial: (self._points[trial], trial))

    def add(self, rows: Iterable[Row]) -> None:
        """FAILED and NOT_EQUIVALENT trials, and those without a finite value of an objective, are never on it."""
        for row in rows:
            point = [self._minimised(row, objective) for objective in self._objectives]
            if row["status"] == "COMPLETE" and np.isfinite(point).all():
                self._points[row["trial"]] = point
        if self._points:
            stay = moocore.is_nondominated(np.array(list(self._points.values())), keep_weakly=True)
            self._points = {trial: self._points[trial] for trial, kept in zip(self._points, stay, strict=True) if kept}

    @staticmethod
    def _minimised(row: Row, objective: Any) -> float:
        value = row.get(objective.column)
        if value is None:
            return float("nan")
        return -float(value) if objective.maximise else float(value)


class Models:
    """The networks in a study directory."""

    def __init__(self, directory: StudyDirectory) -> None:
        self._directory, self._store = directory, directory.store

    def trials(self) -> list[str]:
        """Those whose networks are there."""
        return [PurePosixPath(name).stem for name in self._store.names(MODELS, _NETWORK)]

    def write(self, trial: str, network: Saved) -> None:
        """A network that is there already is replaced: its pack has no rows yet and was trained again."""
        self._store.put(_path(trial, _NETWORK), network.to_bytes(), replace=True)
        self._store.put(_path(trial, _CARD), json.dumps(network.card, indent=1).encode(), replace=True)

    def read(self, trial: str) -> Saved:
        """
        Raises:
            ValueError: there is none of this trial.
        """
        from trainables.deploy import Saved

        path = _path(trial, _NETWORK)
        if not self._store.exists(path):
            raise StudyError(self._missing(trial))
        return Saved.from_bytes(self._store.get(path), self._directory.path(path))

    def remove(self, trial: str) -> None:
        for suffix in (_CARD, _NETWORK):
            self._store.remove(_path(trial, suffix))

    def _missing(self, trial: str) -> str:
        there = self.trials()
        near = get_close_matches(trial, there, n=1)
        kept = self._directory.config().get("keep_models", "front")
        known = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(there)}" if there else ""
        return (
            f"expected the network of a trial in {self._directory.path(MODELS)} but got {trial!r}; "
            f"keep_models is {kept!r}{known}"
        )


class Writer:
    """A worker's side: writes the networks of one pack that may be on the front, stack by stack."""

    def __init__(self, directory: StudyDirectory, manifest: Manifest) -> None:
        config = directory.config()
        self._models, self._keep = Models(directory), config["keep_models"]
        self._known = {"study": config["name"], "method": manifest["method"], "pack": manifest["pack"]}
        self._data, self._seed = config["data"], config["seed"]
        # A trial that another one of its pack dominates cannot be on the study's front.
        self._front = Front(config["objectives"])

    def write(self, rows: Sequence[Row], outcomes: Sequence[Outcome | None]) -> None:
        """The rows of some trials, and what became of their networks."""
        if self._keep == "none":
            return
        self._front.add(rows)
        for row, outcome in zip(rows, outcomes, strict=True):
            wanted = self._keep == "all" or row["trial"] in self._front
            if wanted and outcome is not None and outcome.module is not None:
                seed = row["data_seed"] if self._data.get("resample") else self._seed
                network = outcome.saved(row, **self._known, data=self._data, data_seed=seed)
                self._models.write(row["trial"], network)


class Keeper:
    """The driver's side: after each pack, removes the networks of finished trials that are not to be kept."""

    def __init__(self, directory: StudyDirectory, keep: str, objectives: Sequence[str]) -> None:
        self._models, self._keep = Models(directory), keep
        self._front, self._finished = Front(objectives), set[str]()

    def update(self, rows: Iterable[Row]) -> None:
        """The rows of trials that are finished; at first those that a study which is resumed has."""
        rows = list(rows)
        self._front.add(rows)
        self._finished |= {row["trial"] for row in rows}
        if self._keep == "front" and rows:
            for trial in self._models.trials():
                if trial in self._finished and trial not in self._front:
                    self._models.remove(trial)


def front_of(directory: StudyDirectory) -> list[str]:
    """The trials on a study's front, best value of the first objective first."""
    config = directory.config()
    found = Front(config["objectives"])
    columns = ["trial", "status", *(OBJECTIVES[name].column for name in config["objectives"])]
    found.add(directory.trials().select(list(dict.fromkeys(columns))).to_pylist())
    return found.trials


def _path(trial: str, suffix: str) -> str:
    return f"{MODELS}/{trial}{suffix}"
