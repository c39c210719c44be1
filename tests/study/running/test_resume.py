"""A driver that dies at any step of any write is followed by one that ends with the same table."""

from __future__ import annotations

import errno
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Self

import optuna
import pytest
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from study.config.load import StudyConfig
from study.directory.layout import JOURNAL
from study.directory.lock import Lock
from study.directory.models import Models
from study.directory.store import HOOKS
from study.directory.study_directory import StudyDirectory
from study.doctor.repair import examine, fix, recover
from study.running.launch import adopt
from study.running.networks import Keeper
from study.running.training import Training
from study.search.search import Search

Row = dict[str, Any]
TIMES = ("train_seconds", "seconds", "finished_at", "worker")
CONFIG = StudyConfig.model_validate(
    {
        "name": "little",
        "data": "digits",
        "model": {"name": "mlp", "widths": [8]},
        "epochs": 3,
        "polish": 1,
        "batch_size": 1078,
        "trials": 4,
        "methods": ["group_lasso"],
        "pack": {"size": 2},
        "checkpoint": {"seconds": None, "epochs": 1},
    }
)


Point = tuple[str, str, int]
"""A step, a kind of file, and the how manieth."""


class Killed(BaseException):
    """SIGKILL, as far as one process can have it: nothing is tidied up on the way."""


@pytest.fixture(autouse=True, scope="module")
def one_thread_and_no_power_cuts() -> Iterator[None]:
    threads, fsync = torch.get_num_threads(), os.fsync
    torch.set_num_threads(1)
    os.fsync = lambda descriptor: None
    yield
    os.fsync = fsync
    torch.set_num_threads(threads)


def drive(location: Path | str, config: StudyConfig = CONFIG) -> None:
    """What `launch` does, its worker included, in one process and without Ray."""
    directory = StudyDirectory(location)
    with Lock(directory.store):
        adopt(config, directory)
        recover(directory)
        rows = directory.trials().to_pylist()
        keeper = Keeper(config, directory)
        keeper.update(rows)
        search = Search(config, directory, {"group_lasso": 2})
        unfinished = search.rebuild(directory.manifests(), rows)
        while manifest := unfinished.pop(0) if unfinished else search.ask():
            directory.write_manifest(manifest)
            training = Training(config, directory, manifest["pack"])
            while not training.done:
                training.advance(60)
            rows = directory.rows(manifest["pack"], manifest["method"])
            search.tell(manifest, rows)
            keeper.update(rows)


def timeless(rows: list[Row]) -> list[Row]:
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def tables(location: Path | str) -> tuple[list[Row], list[Row], list[str]]:
    directory = StudyDirectory(location)
    trials, curves = directory.trials().to_pylist(), directory.curves().to_pylist()
    return timeless(trials), timeless(curves), Models(directory).trials()


def kind(path: str) -> str:
    """A file without what numbers it: checkpoints/group_lasso-p0000-00000001.pt -> checkpoints.pt"""
    file = PurePosixPath(path)
    folder = next((name for name in file.parts if name in ("packs", "checkpoints", "models", "curves", "trials")), "")
    return f"{folder}{file.suffix}" if folder else file.name


class Fault:
    """Counts the steps of writes by kind of file; raises at the n-th time of one of them."""

    def __init__(self, at: Point | None = None, error: BaseException | None = None) -> None:
        self.seen: Counter[tuple[str, str]] = Counter()
        self.at, self.error = at, error

    def __enter__(self) -> Self:
        HOOKS.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        HOOKS.remove(self)

    def __call__(self, step: str, path: str) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # a heartbeat
        self.seen[step, kind(path)] += 1
        if self.error is not None and self.at == (step, kind(path), self.seen[step, kind(path)]):
            raise self.error


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Counter[tuple[str, str]]]:
    location = tmp_path_factory.mktemp("reference") / "little"
    with Fault() as fault:
        drive(location)
    return location, fault.seen


STEPS = ("write", "fsync", "rename", "fsync folder", "done")
KINDS = (
    "driver.json",
    "study.yaml",
    "packs.json",
    "checkpoints.pt",
    "models.safetensors",
    "models.json",
    "curves.parquet",
    "trials.parquet",
)


def test_no_write_is_left_out(reference: tuple[Path, Counter[tuple[str, str]]]) -> None:
    written = {(step, kind) for step, kind in reference[1] if step != "remove"}
    assert written == {(step, kind) for step in STEPS for kind in KINDS}


def killed(location: Path | str, at: Point, error: BaseException) -> None:
    with pytest.raises(type(error)), Fault(at, error):
        drive(location)


def whole(location: Path, reference: Path) -> None:
    """The same table, no zombies, nothing that is torn or left over."""
    assert tables(location) == tables(reference)
    assert zombies(location) == []
    fix(StudyDirectory(location))  # temporary files of the one that was killed
    assert examine(StudyDirectory(location)) == []


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", KINDS)
def test_killed_at_any_step_of_any_write(
    step: str, name: str, tmp_path: Path, reference: tuple[Path, Counter[tuple[str, str]]]
) -> None:
    location, times = tmp_path / "little", reference[1][step, name]
    killed(location, (step, name, (times + 1) // 2), Killed())
    drive(location)
    whole(location, reference[0])


@pytest.mark.parametrize("name", KINDS)
def test_a_full_disk_is_an_error_of_the_directory_and_nothing_is_lost(
    name: str, tmp_path: Path, reference: tuple[Path, Counter[tuple[str, str]]]
) -> None:
    location, times = tmp_path / "little", reference[1]["write", name]
    killed(location, ("write", name, times), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert not any(row["status"] == "FAILED" for row in finished(location)), "no fault of the trials"
    drive(location)
    whole(location, reference[0])


def test_killed_again_and_again(tmp_path: Path, reference: tuple[Path, Counter[tuple[str, str]]]) -> None:
    """At every write, one after the other, in one study."""
    location = tmp_path / "little"
    for name in KINDS:
        killed(location, ("done", name, 1), Killed())
    drive(location)
    whole(location, reference[0])


def finished(location: Path | str) -> list[Row]:
    directory = StudyDirectory(location)
    return directory.trials().to_pylist() if directory.exists() else []


def zombies(location: Path) -> list[str]:
    """Trials that Optuna takes for running."""
    storage = JournalStorage(JournalFileBackend(str(location / JOURNAL)))
    study = optuna.load_study(study_name="little/group_lasso", storage=storage)
    assert len(study.trials) == 4
    return [trial.user_attrs["trial"] for trial in study.trials if trial.state == TrialState.RUNNING]


def test_an_object_store_that_goes_away_at_every_write(
    bucket: Callable[[str], str], reference: tuple[Path, Counter[tuple[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("study.directory.lock._SETTLE_SECONDS", 0.01)
    location = bucket("little")
    for name in KINDS:
        killed(location, ("put", name, 1), OSError("When writing to bucket: no route to host"))
    drive(location)
    assert tables(location) == tables(reference[0])
    fix(StudyDirectory(location))  # curves of the one whose trials did not get there
    assert examine(StudyDirectory(location)) == []


def test_trials_that_are_finished_are_not_trained_again(tmp_path: Path) -> None:
    location = tmp_path / "little"
    killed(location, ("done", "trials.parquet", 1), Killed())
    before = finished(location)
    assert len(before) == 2
    drive(location)
    assert finished(location)[:2] == before, "times included"


def test_more_trials_are_asked_as_if_they_had_been_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: tuple[Path, Counter[tuple[str, str]]]
) -> None:
    location = tmp_path / "little"
    drive(location, CONFIG.model_copy(update={"trials": 2}))
    assert len(finished(location)) == 2
    drive(location)
    assert tables(location)[:2] == tables(reference[0])[:2]
    assert StudyDirectory(location).config()["trials"] == 4
