"""Studies on a Ray that is the caller's: to their end, through a lost worker, a full disk and changed settings."""

from __future__ import annotations

import errno
import importlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import ray

from study.config.changes import CannotChange
from study.config.load import StudyConfig, stored
from study.directory.checkpoints import decode_checkpoint
from study.directory.log import events
from study.directory.store import HOOKS
from study.directory.study_directory import StudyDirectory
from study.directory.versions import current_versions
from study.running.launch import launch
from study.running.monitor import Monitor
from tests.study.gated import gated

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.filterwarnings("default")]

Row = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def callers_ray() -> Iterator[None]:
    ray.init(
        address="local",
        num_cpus=2,
        num_gpus=1,  # which need not be there
        resources={"seats": 3},
        labels={"market": "reserved"},
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
    )
    yield
    assert ray.is_initialized(), "it is not ours to shut down"
    ray.shutdown()


def config(**changes: Any) -> StudyConfig:
    settings = {
        "name": "little",
        "data": "digits",
        "model": {"name": "mlp", "widths": [8]},
        "epochs": 3,
        "polish": 1,
        "batch_size": 539,
        "trials": 4,
        "methods": ["group_lasso"],
        "pack": {"size": 2},
        "resources": {"workers": 1},
    }
    return StudyConfig.model_validate(settings | changes)


def table(directory: StudyDirectory) -> list[Row]:
    times = ("train_seconds", "finished_at", "worker")
    return [{k: v for k, v in row.items() if k not in times} for row in directory.trials().to_pylist()]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, callers_ray: None) -> StudyDirectory:
    directory = StudyDirectory(tmp_path_factory.mktemp("reference") / "little")
    monitor = launch(config(), directory)
    assert not monitor.ending and monitor.warnings == []
    return directory


@contextmanager
def hooked(hook: Callable[[str, str], None]) -> Iterator[None]:
    HOOKS.append(hook)
    try:
        yield
    finally:
        HOOKS.remove(hook)


def test_a_study_runs_to_its_end(reference: StudyDirectory) -> None:
    rows = table(reference)
    assert [row["trial"] for row in rows] == [f"group_lasso-{number:05d}" for number in range(4)]
    assert {row["status"] for row in rows} == {"COMPLETE"}
    assert all(manifest["versions"] == current_versions() for manifest in reference.manifests())
    assert reference.store.names("checkpoints", "") == [] and not reference.store.exists("driver.json")


def test_a_finished_study_is_left_as_it_is_and_a_larger_budget_goes_on(
    tmp_path: Path, reference: StudyDirectory
) -> None:
    directory = StudyDirectory(tmp_path / "little")
    launch(config(trials=2), directory)
    before = directory.trials().to_pylist()
    assert launch(config(trials=2), directory).trials_finished == 2
    assert directory.trials().to_pylist() == before
    launch(config(), directory)
    assert directory.trials().to_pylist()[:2] == before
    assert table(directory) == table(reference)


def test_another_study_is_refused_and_nothing_changes(reference: StudyDirectory) -> None:
    before = reference.config()
    with pytest.raises(CannotChange, match="epochs: was 3, now 4"):
        launch(config(epochs=4), reference)
    assert reference.config() == before


def test_other_versions_are_told(tmp_path: Path) -> None:
    directory = StudyDirectory(tmp_path / "little")
    launch(config(trials=2), directory)
    (manifest,) = directory.manifests()
    directory.store.remove("packs/group_lasso-p0000.json")
    directory.write_manifest({**manifest, "versions": {**current_versions(), "torch": "2.11.0"}})
    monitor = launch(config(trials=2), directory)
    assert monitor.warnings == [f"torch: trials were made with 2.11.0, now it is {current_versions()['torch']}"]


def test_a_disk_that_is_full_for_the_driver_ends_the_run_with_one_message(
    tmp_path: Path, reference: StudyDirectory
) -> None:
    directory = StudyDirectory(tmp_path / "little")

    def full(step: str, path: str) -> None:
        if step == "write" and path.endswith("group_lasso-p0001.json"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    with hooked(full):
        monitor = launch(config(), directory)
    assert monitor.ending.exit_code == 1
    assert "No space left on device" in str(monitor.ending.reason) and directory.path() in str(monitor.ending.reason)
    assert not launch(config(), directory).ending
    assert table(directory) == table(reference)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB, for workers as well: hooks would be in this process only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting a small disk is not permitted")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_disk_that_is_full_for_a_worker_ends_the_run_and_fails_no_trial(
    small_disk: Path, reference: StudyDirectory
) -> None:
    directory = StudyDirectory(small_disk / "little")
    ballast = small_disk / "ballast"

    def fill(monitor: Monitor) -> None:
        if monitor.running and not ballast.exists():
            with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
                while file.write(bytes(4096)):
                    pass

    monitor = launch(config(), directory, fill)
    assert monitor.ending.exit_code == 1 and "No space left on device" in str(monitor.ending.reason)
    assert table(directory) == []
    ballast.unlink()
    assert not launch(config(), directory).ending
    assert table(directory) == table(reference)


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Any:
    """How the chaos benchmark finds and kills them; the benchmarks are not installed."""
    monkeypatch.syspath_prepend(Path(__file__).parents[3])
    return importlib.import_module("benchmarks.processes")


def clock(directory: StudyDirectory) -> list[float]:
    """Seconds of training up to each epoch, as in the newest checkpoint; an epoch trained again takes others."""
    newest = decode_checkpoint(directory.store.get(directory.store.names("checkpoints", ".pt")[-1]))
    return [entry["seconds"] for entry in newest["pack"]["stack"]["history"]]


def test_a_worker_that_is_killed_is_replaced_and_goes_on_from_the_checkpoint(tmp_path: Path, processes: Any) -> None:
    gate = tmp_path / "gate"
    long = config(
        trials=2, epochs=150, polish=10, checkpoint={"epochs": 1, "seconds": None}, model=gated(gate, free=60)
    )
    directory = StudyDirectory(tmp_path / "little")
    ended = threading.Event()
    before: list[float] = []

    def shoot() -> None:
        while not ended.wait(0.002):
            if len(directory.store.names("checkpoints", ".pt")) == 2:
                (worker,) = processes.targets(os.getpid(), "worker")
                processes.kill(worker)
                while processes.born(worker):
                    time.sleep(0.001)
                before.extend(clock(directory))
                gate.touch()
                return

    with ThreadPoolExecutor(1) as pool:
        shot = pool.submit(shoot)
        monitor = launch(long, directory)
        ended.set()
        shot.result()
    assert not monitor.ending
    assert [(row["status"], row["epochs"]) for row in table(directory)] == [("COMPLETE", 150)] * 2
    curve = [row["seconds"] for row in directory.curves().to_pylist() if row["trial"] == "group_lasso-00000"]
    assert 0 < len(before) < 150 and curve[: len(before)] == before, "nothing is trained again"


def test_sigterm_leaves_checkpoints_and_the_study_goes_on_from_them(tmp_path: Path) -> None:
    endless = config(trials=2, epochs=1_000_000, polish=10, checkpoint={"epochs": None, "seconds": None})
    directory = StudyDirectory(tmp_path / "little")

    def run_for_a_moment() -> list[float]:
        sent: list[float] = []

        def stop(monitor: Monitor) -> None:
            if not sent and any(one.fraction for one in monitor.running.values()):
                sent.append(time.monotonic())
                os.kill(os.getpid(), signal.SIGTERM)

        monitor = launch(endless, directory, stop)
        assert time.monotonic() - sent[0] < 30, "8 s, and what a machine under load takes"
        assert (monitor.ending.reason, monitor.ending.exit_code) == ("stopped by SIGTERM", 143)
        return clock(directory)

    first, second = run_for_a_moment(), run_for_a_moment()
    assert 0 < len(first) < len(second) and second[: len(first)] == first, "nothing is trained again"
    assert table(directory) == []


def test_packs_share_a_gpu_and_go_where_the_labels_are(tmp_path: Path) -> None:
    directory = StudyDirectory(tmp_path / "little")
    asked = {"cpus_per_worker": 0.25, "gpus_per_worker": 0.25, "custom": {"seats": 1}, "labels": {"market": "!spot"}}
    most = 0

    def count(monitor: Monitor) -> None:
        nonlocal most
        most = max(most, len(monitor.running))

    monitor = launch(config(resources=asked, pack={"size": 1}), directory, count)
    assert not monitor.ending and monitor.warnings == []
    assert most == 3, "four would share the GPU, eight the CPUs; there are three seats"
    assert [row["status"] for row in table(directory)] == ["COMPLETE"] * 4


def test_the_width_of_packs_is_measured_where_they_have_gpus(tmp_path: Path) -> None:
    directory = StudyDirectory(tmp_path / "little")
    asked = {"gpus_per_worker": 0.5}
    monitor = launch(config(trials=6, resources=asked, pack={"size": "auto"}), directory)
    assert not monitor.ending and monitor.warnings == []
    assert [row["status"] for row in table(directory)] == ["COMPLETE"] * 6
    (said,) = [event["message"] for event in events(directory.store) if event["kind"] == "measured"]
    assert re.search(r" trains (16|32|64|128|256|512|1024) trials at once at its best$", said)
    assert stored(directory).pack.chosen == 3, "both workers have a pack"
    resumed = launch(stored(directory), directory)
    assert resumed.config.pack.chosen == 3


def test_packs_wait_for_a_node_and_that_is_said(tmp_path: Path) -> None:
    directory = StudyDirectory(tmp_path / "little")
    asked = {"labels": {"market": "spot"}, "accelerator": "A100"}
    monitor = launch(config(resources=asked), directory, timeout=3.0)
    (warning,) = monitor.warnings
    assert warning.startswith("no node of the cluster has 1 CPU, an accelerator A100, the label market=spot;")
    assert monitor.trials_finished == 0 and monitor.ending
