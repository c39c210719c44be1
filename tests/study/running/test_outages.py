"""Studies whose data, nodes, workers or directory fail under them: nothing is FAILED that could have gone on."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
from ray.cluster_utils import Cluster

from study.config.load import StudyConfig
from study.directory.study_directory import StudyDirectory
from study.running.launch import launch
from study.running.monitor import Monitor
from tests.study.gated import gated
from trainables.errors import StudyError

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.filterwarnings("default")]

Row = dict[str, Any]
DATA = "little.npz"


def long(gate: Path, **changes: Any) -> StudyConfig:
    """Of packs that do not come to their end before there is a file ``gate``: each of their workers trains some 50
    epochs at once, and then goes on slowly."""
    slow = {"model": gated(gate, inputs=4, outputs=2, free=50), "epochs": 1000}
    return config(**slow, checkpoint={"epochs": 25, "seconds": None}, **changes)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that workers find under STUDY_DATA."""
    folder = tmp_path / "data"
    folder.mkdir()
    x = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    np.savez(folder / DATA, x=x, y=(x.sum(1) > 0).astype(np.int64))
    monkeypatch.setenv("STUDY_DATA", str(folder))
    return folder / DATA


@pytest.fixture
def own_ray(data: Path) -> Iterator[None]:
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


def config(**changes: Any) -> StudyConfig:
    settings = {
        "name": "little",
        "data": DATA,
        "model": {"name": "mlp", "widths": [4]},
        "epochs": 3,
        "polish": 1,
        "batch_size": 120,
        "trials": 4,
        "methods": ["group_lasso"],
        "sampler": "random",
        "pack": {"size": 2},
        "resources": {"workers": 1},
    }
    return StudyConfig.model_validate(settings | changes)


def statuses(directory: StudyDirectory) -> list[str]:
    return list(directory.trials()["status"].to_pylist())


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(Path(__file__).parents[3])
    return importlib.import_module("benchmarks.processes")


def killer(processes: Any, times: int, killed: list[float], gate: Path, also: Callable[[], None] = lambda: None) -> Any:
    """A listener that kills the worker so many times, each time that the pack has come further: to ``killed``.

    It opens the gate after that.
    """

    def kill(monitor: Monitor) -> None:
        fractions = [running.fraction for running in monitor.running.values()]
        workers = processes.targets(os.getpid(), "worker")
        if len(killed) < times and workers and fractions and fractions[0] > max([0.0, *killed]):
            also()
            for worker in workers:
                processes.kill(worker)
            killed.append(fractions[0])
            if len(killed) == times:
                gate.touch()

    return kill


def test_a_long_pack_that_is_preempted_again_and_again_is_not_given_up(
    tmp_path: Path, own_ray: None, processes: Any
) -> None:
    directory, gate = StudyDirectory(tmp_path / "little"), tmp_path / "gate"
    preempted = long(gate, trials=2, retries=1)
    killed: list[float] = []
    monitor = launch(preempted, directory, killer(processes, 2, killed, gate))
    assert len(killed) > preempted.retries
    assert not monitor.ending and statuses(directory) == ["COMPLETE"] * 2


def test_data_that_vanish_are_waited_for_once_something_was_trained(
    tmp_path: Path, own_ray: None, data: Path, processes: Any
) -> None:
    directory, gate = StudyDirectory(tmp_path / "little"), tmp_path / "gate"
    away = data.with_name("away.npz")
    kill = killer(processes, 1, [], gate, lambda: data.rename(away) and None)

    def listen(monitor: Monitor) -> None:
        kill(monitor)
        if away.exists() and any(DATA in warning for warning in monitor.warnings):
            away.rename(data)

    monitor = launch(long(gate, trials=2, retries=0), directory, listen)
    assert not monitor.ending and statuses(directory) == ["COMPLETE"] * 2
    assert not any("starts over" in warning for warning in monitor.warnings)


def test_data_that_no_worker_can_read_stop_the_study_in_one_message(
    tmp_path: Path, own_ray: None, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = StudyDirectory(tmp_path / "little")
    away = data.with_name("away.npz")

    def vanish(step: str, path: str) -> None:
        """The driver has read them; no worker is asked for before there is a manifest."""
        if data.exists() and "/packs/" in path:
            data.rename(away)

    with monkeypatch.context() as patch:
        patch.setattr("study.directory.store.HOOKS", [vanish])
        monitor = launch(config(retries=1), directory)
    assert monitor.ending.exit_code == 1
    assert "nothing can be trained on" in str(monitor.ending.reason) and DATA in str(monitor.ending.reason)
    assert statuses(directory) == []
    away.rename(data)
    assert not launch(config(), directory).ending
    assert statuses(directory) == ["COMPLETE"] * 4


@pytest.mark.timeout(1800)
def test_one_of_three_nodes_that_fails_every_pack_is_set_aside(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the others a pack takes some seconds until that has happened: meanwhile the third node is given one again and
    again, and it has to fail three of 48."""
    monkeypatch.setattr("study.running.sending.LARGEST", 0)
    gate = tmp_path / "gate"
    slow = config(
        trials=96, epochs=200, model=gated(gate, inputs=4, outputs=2, free=0, nap=0.02), resources={"workers": 3}
    )

    def listen(monitor: Monitor) -> None:
        if any("is set aside" in warning for warning in monitor.warnings):
            gate.touch()

    cluster = Cluster()
    cluster.add_node(num_cpus=1, include_dashboard=False)
    cluster.add_node(num_cpus=1)
    cluster.add_node(num_cpus=1, env_vars={"STUDY_DATA": str(tmp_path / "nowhere")})
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    try:
        directory = StudyDirectory(tmp_path / "little")
        monitor = launch(slow, directory, listen)
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert not monitor.ending and statuses(directory) == ["COMPLETE"] * 96
    assert sum("cannot see the data" in warning for warning in monitor.warnings) == 1
    assert sum("is set aside" in warning and DATA in warning for warning in monitor.warnings) == 1


def test_data_that_no_node_sees_are_sent_or_said_before_anything_starts(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Cluster()
    nodes = [{"STUDY_DATA": str(tmp_path / "nowhere"), "STUDY_CACHE": str(tmp_path / f"cache-{n}")} for n in (0, 1)]
    cluster.add_node(num_cpus=1, include_dashboard=False, env_vars=nodes[0])
    cluster.add_node(num_cpus=1, env_vars=nodes[1])
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    try:
        directory = StudyDirectory(tmp_path / "little")
        with monkeypatch.context() as patch:
            patch.setattr("study.running.sending.LARGEST", data.stat().st_size - 1)
            with pytest.raises(StudyError, match=r"cannot see the data .*expected .* where all nodes see them"):
                launch(config(trials=4), directory)
        assert not directory.manifests()
        monitor = launch(config(trials=4), directory)
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert not monitor.ending and not monitor.warnings and statuses(directory) == ["COMPLETE"] * 4
    copies = [list(Path(node["STUDY_CACHE"]).glob(f"sent/*/{DATA}")) for node in nodes]
    assert any(copies) and all(len(own) <= 1 for own in copies)
    assert all(copy.read_bytes() == data.read_bytes() for own in copies for copy in own)


def test_a_directory_that_is_removed_while_the_study_runs_ends_it_with_the_truth(tmp_path: Path, own_ray: None) -> None:
    directory = StudyDirectory(tmp_path / "little")

    def remove(monitor: Monitor) -> None:
        if any(running.fraction for running in monitor.running.values()):
            shutil.rmtree(tmp_path / "little", ignore_errors=True)

    monitor = launch(long(tmp_path / "never"), directory, remove)
    assert monitor.ending.exit_code == 1
    assert monitor.ending.reason == f"{tmp_path / 'little'} was removed while the study ran"
    assert not (tmp_path / "little").exists()


def test_a_disk_that_becomes_read_only_ends_the_run_and_fails_no_trial(tmp_path: Path, own_ray: None) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    bound = ["mount", "--bind", disk, disk]
    if subprocess.run(bound, capture_output=True).returncode:
        pytest.skip("mounting is not permitted")
    subprocess.run(["umount", "-l", disk], check=True)
    directory = StudyDirectory(disk / "little")

    locked: list[bool] = []

    def lock_up(monitor: Monitor) -> None:
        if any(running.fraction for running in monitor.running.values()) and not locked:
            locked.append(True)
            subprocess.run(bound, check=True)
            subprocess.run(["mount", "-o", "remount,bind,ro", disk], check=True)
            gate.touch()

    gate = tmp_path / "gate"
    try:
        monitor = launch(long(gate, polish=0), directory, lock_up)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
    assert monitor.ending.exit_code == 1 and "Read-only file system" in str(monitor.ending.reason)
    assert statuses(directory) == []
    assert not launch(long(gate, polish=0), directory).ending
    assert statuses(directory) == ["COMPLETE"] * 4
