"""The two sides of benchmarks.chaos: how each is started, what it has finished, and what it lost in the end."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from sklearn.datasets import load_digits

from study.directory import JOURNAL, StudyDirectory

TRIALS = 12
"""Of each of the two methods; the stock side has as many in all."""

STUDY = f"""
name: chaos
data: digits
model: {{name: mlp, widths: [32]}}
epochs: 60
polish: 15
batch_size: 128
trials: {TRIALS}
methods: [group_lasso, sparse_group_lasso]
pack: {{size: 6}}
checkpoint: {{seconds: 0.5}}
resources: {{workers: 2}}
keep_models: none
"""


RUNGS = f"""{STUDY}
stopping: {{rungs: [20, 40], keep: 0.5, least: 4}}
warm_start: {{epochs: 10, lr: 0.003}}
"""
"""Trials that stop early, others that go on in other packs, and beginnings in common."""


def many_packs(epochs: int) -> str:
    """More than nodes, that live through more kills than may follow each other without progress."""
    return STUDY.replace("epochs: 60", f"epochs: {epochs}\nretries: 1")


def long_pack(epochs: int) -> str:
    """A single one of them."""
    one = many_packs(epochs).replace("methods: [group_lasso, sparse_group_lasso]", "methods: [group_lasso]")
    return one.replace("workers: 2", "workers: 1").replace("pack: {size: 6}", "pack: {size: 12}")


_TIMES = ("train_seconds", "seconds", "finished_at", "worker")

Finished = dict[str, str]
"""What names a finished trial -> what changes when it is trained once more."""

Progress = tuple[int, int]


class Side(ABC):
    """One study in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def start(self) -> subprocess.Popen[bytes]:
        """Begin, or go on with what is there."""
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(self.command(), stdout=log, stderr=subprocess.STDOUT)

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def finished(self) -> Finished: ...

    def progress(self) -> Progress:
        """Something that grows as long as it gets on."""
        return len(self.finished()), 0

    @abstractmethod
    def figures(self, seen: Finished) -> dict[str, int]:
        """What went wrong, once the study is complete.

        Args:
            seen: trials that were finished at one of the kills.
        """


class Ours(Side):
    def __init__(self, folder: Path, reference: Ours | None = None, study: str = STUDY) -> None:
        super().__init__(folder)
        self.reference = reference
        self.directory = StudyDirectory(folder / "study")
        (folder / "study.yaml").write_text(study)
        self.trials = TRIALS * len(yaml.safe_load(study)["methods"])

    def command(self) -> list[str]:
        if self.directory.exists():
            return [sys.executable, "-m", "study", "resume", self.directory.path()]
        file = str(self.folder / "study.yaml")
        return [sys.executable, "-m", "study", "run", file, "--output", self.directory.path()]

    def finished(self) -> Finished:
        if not self.directory.exists():
            return {}
        rows = self.directory.trials().select(["trial", "finished_at"]).to_pylist()
        return {row["trial"]: str(row["finished_at"]) for row in rows}

    def progress(self) -> Progress:
        """Packs that are finished, and the epochs of the newest checkpoints of the others."""
        newest: dict[str, int] = {}
        for file in sorted((self.folder / "study" / "checkpoints").glob("*.pt")):
            pack, _, epochs = file.stem.rpartition("-")
            newest[pack] = int(epochs)
        return len(list((self.folder / "study" / "results" / "trials").rglob("*.parquet"))), sum(newest.values())

    def figures(self, seen: Finished) -> dict[str, int]:
        rows = self.directory.trials().to_pylist()
        last = {row["trial"]: str(row["finished_at"]) for row in rows}
        return {
            "lost": len(set(seen) - set(last)),
            "trained_again": sum(last.get(trial) not in (None, stamp) for trial, stamp in seen.items()),
            "twice": len(rows) - len(last),
            "missing": self.trials - len(last),
            "failed": sum(row["status"] == "FAILED" for row in rows),
            "running": _running(self.folder / "study" / JOURNAL),
            "different": self._different(),
        }

    def _different(self) -> int:
        """Trials whose rows or curves are not those of the same manifests, never interrupted."""
        if self.reference is None:
            return 0
        uninterrupted = self._same_manifests(self.reference.directory)
        mine, theirs = (_by_trial(directory) for directory in (self.directory, uninterrupted))
        return sum(mine.get(trial) != theirs.get(trial) for trial in set(mine) | set(theirs))

    def _same_manifests(self, reference: StudyDirectory) -> StudyDirectory:
        """The reference, if it was asked the same; else these manifests trained without a kill."""
        own = [_asked(manifest) for manifest in self.directory.manifests()]
        if self.directory.segments.manifests():
            return reference  # what comes after results is decided by them: all of it has to be the same
        if own == [_asked(manifest) for manifest in reference.manifests()]:
            return reference
        again = Ours(self.folder / "again")
        again.directory.create((self.folder / "study" / "study.yaml").read_text())
        for manifest in self.directory.manifests():
            again.directory.write_manifest(manifest)
        assert again.start().wait() == 0, (again.folder / "log").read_text()
        return again.directory


class OnFile(Ours):
    """On a file of data, which can be away for a while."""

    def __init__(self, folder: Path, reference: Ours | None, study: str) -> None:
        self.file = folder / "digits.npz"
        super().__init__(folder, reference, study.replace("data: digits", f"data: {self.file}"))
        found = load_digits()
        np.savez(self.file, x=(found.data / 16).astype(np.float32), y=found.target)

    def hide(self) -> None:
        self.file.rename(self.file.with_suffix(".away"))

    def bring_back(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.file.with_suffix(".away").rename(self.file)


class OnCluster(Ours):
    """On a cluster of three nodes on this machine, which nodes leave and join."""

    def __init__(self, folder: Path, reference: Ours | None, study: str) -> None:
        super().__init__(folder, reference, study.replace("resources: {workers: 2}", "resources: {workers: auto}"))
        self.cluster: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        return [sys.executable, "-m", "study.cluster.local", "--nodes", "3", "--cpus", "1", "--", *super().command()]

    def start(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            self.cluster = subprocess.Popen(self.command(), stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)
        return self.cluster

    def order(self, word: str) -> None:
        """`kill` or `add`: a node."""
        assert self.cluster is not None and self.cluster.stdin is not None
        with contextlib.suppress(OSError):  # it has ended
            self.cluster.stdin.write(f"{word}\n".encode())
            self.cluster.stdin.flush()


class Stock(Side):
    def command(self) -> list[str]:
        return [sys.executable, "-m", "benchmarks.chaos_stock", str(self.folder), str(2 * TRIALS)]

    def finished(self) -> Finished:
        """By parameters: a trial that is trained again has another Tune trial and the same parameters, or none."""
        return {json.dumps(record["config"]): record["id"] for record in self._records()}

    def figures(self, seen: Finished) -> dict[str, int]:
        times = Counter(json.dumps(record["config"]) for record in self._records())
        results = {json.dumps(config) for config in json.loads((self.folder / "results.json").read_text())}
        return {
            "lost": len(set(seen) - results),
            "trained_again": sum(count > 1 for count in times.values()),
            "missing": 2 * TRIALS - len(results),
            "running": _running(self.folder / "optuna.journal"),
        }

    def _records(self) -> list[dict[str, Any]]:
        return [json.loads(file.read_text()) for file in sorted((self.folder / "finished").glob("*.json"))]


def _asked(manifest: Any) -> dict[str, Any]:
    return {name: manifest[name] for name in ("pack", "method", "trials")}


def _by_trial(directory: StudyDirectory) -> dict[str, list[Any]]:
    """A trial's row and curve, without what a clock measured."""
    found: dict[str, list[Any]] = {}
    for table in (directory.trials(), directory.curves()):
        columns = [name for name in table.column_names if name not in _TIMES]
        for row in table.select(columns).to_pylist():
            found.setdefault(row["trial"], []).append(row)
    return found


def _running(journal: Path) -> int:
    """Optuna trials that are RUNNING, in all studies of a journal."""
    storage = JournalStorage(JournalFileBackend(str(journal)))
    return sum(
        trial.state == TrialState.RUNNING
        for name in optuna.get_all_study_names(storage)
        for trial in optuna.load_study(study_name=name, storage=storage).trials
    )
