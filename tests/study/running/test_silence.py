"""Workers whose own watchdog cannot run: they are told from those that wait, and from a driver that was suspended."""

from __future__ import annotations

import importlib
import os
import signal
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray

from study.config import LimitSettings
from study.config.load import StudyConfig
from study.directory.study_directory import StudyDirectory
from study.running.launch import launch
from study.running.monitor import Monitor
from study.running.pulse import Sign
from study.running.silence import Silence
from study.running.workers import Workers
from tests.study.gated import gated


class Cluster:
    """Signs of workers, and a clock."""

    def __init__(self, **limits: Any) -> None:
        self.now, self.signs = 0.0, dict[str, Sign]()
        self.silence = Silence(LimitSettings(**limits), self.signs.get, lambda: self.now)

    def sign(self, trial: str, count: int, epochs: int = 0) -> None:
        self.signs[trial] = Sign(count, epochs, "actor", "node")

    def silent(self, *started: str, seconds: float = 5.0) -> list[str]:
        self.now += seconds
        return [trial for trial, _, _ in self.silence.look(("a", "b"), started)]


def test_who_gives_no_sign_any_more_is_silent_and_who_waits_for_room_is_not() -> None:
    cluster = Cluster(silent_minutes=1)
    for look in range(100):
        cluster.sign("a", min(look, 50))
        if silent := cluster.silent():
            break
    assert silent == ["a"] and cluster.now == pytest.approx(50 * 5 + 60, abs=11)


def test_a_process_that_never_gives_a_sign_is_silent() -> None:
    cluster = Cluster(silent_minutes=1)
    assert [cluster.silent("b") for _ in range(12)] == [[]] * 12
    assert cluster.silent("b") == ["b"]


def test_a_watchdog_is_not_forestalled() -> None:
    cluster = Cluster(silent_minutes=0.01, pack_minutes=0.01)
    for look in range(100):
        cluster.sign("a", look)
        assert cluster.silent() == []


def test_while_the_driver_is_suspended_no_time_passes() -> None:
    cluster = Cluster(silent_minutes=1)
    cluster.sign("a", 1)
    assert cluster.silent() == []
    assert [cluster.silent(seconds=10_000) for _ in range(5)] == [[]] * 5


def test_slow_epochs_are_waited_for() -> None:
    cluster = Cluster()
    for look in range(100):
        cluster.sign("a", look, epochs=look // 20)  # 100 s each: 2000 s are allowed
        assert cluster.silent() == []
    looks = next(look for look in range(1000) if cluster.silent())
    assert looks * 5 == pytest.approx(2000, abs=120)


def test_while_ray_does_not_answer_nobody_is_silent() -> None:
    def away(trial: str) -> Sign | None:
        raise RuntimeError("the head is away")

    now = [0.0]
    watched = Silence(LimitSettings(silent_minutes=1), away, lambda: now[0])
    for _ in range(100):
        now[0] += 5
        assert not list(watched.look(("a",), ("a",)))


def test_stacks_are_what_was_written_after_the_sign(tmp_path: Path) -> None:
    errors = tmp_path / "worker.err"
    errors.write_text("Timeout (0:00:03)!\nan older one\n")
    sign = Sign(7, 1, "actor", "node", str(errors), errors.stat().st_size)
    assert sign.stacks == ""
    with errors.open("a") as file:
        file.write("a warning\nTimeout (0:00:03)!\nThread 0x1 (most recent call first):\n  File net.py in forward\n")
    assert sign.stacks == "Thread 0x1 (most recent call first):\n  File net.py in forward\n"
    assert Sign(7, 1, "actor", "node", str(tmp_path / "none")).stacks == ""


# -- with Ray ------------------------------------------------------------------------------------------------------

NETWORK = """
    import ctypes
    from pathlib import Path

    import torch
    from tests.study.gated import Gated

    class Net(Gated):
        def forward(self, x):
            if torch.is_grad_enabled() and Path({flag!r}).exists():
                ctypes.PyDLL(None).sleep(3600)  # with the lock of the interpreter
            return super().forward(x)
"""


@pytest.fixture
def flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The network hangs once this file is there."""
    file = tmp_path / "hang"
    (tmp_path / "net_that_hangs.py").write_text(textwrap.dedent(NETWORK.format(flag=str(file))))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    # One for a worker, one for its successor while the raylet has not killed it yet.
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield file
    ray.shutdown()


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_workers_that_are_stopped_or_hang_in_c_are_ended_by_the_driver(tmp_path: Path, flag: Path) -> None:
    """One is stopped in the midst of its pack, the next between two packs, the third hangs in C."""
    processes = importlib.import_module("benchmarks.processes")
    settings = {
        "name": "silent",
        "data": {"name": "digits", "limit": 200},
        "model": gated(gate := tmp_path / "gate") | {"name": "net_that_hangs:Net"},
        "epochs": 1000,
        "polish": 1,
        "batch_size": 120,
        "trials": 4,
        "methods": ["dense"],
        "sampler": "random",
        "pack": {"size": 2},
        "resources": {"workers": 1},
        "limits": {"silent_minutes": 0.2},
        "checkpoint": {"epochs": 50, "seconds": None},
    }
    directory, stopped = StudyDirectory(tmp_path / "silent"), list[int]()

    def stop(monitor: Monitor) -> None:
        trains = any(running.fraction for running in monitor.running.values())
        if (trains and not stopped) or (monitor.trials_finished and len(stopped) == 1):
            # The one that was stopped before may still be there, its successor not yet.
            for worker in set(processes.targets(os.getpid(), "worker")) - set(stopped):
                os.kill(worker, signal.SIGSTOP)
                stopped.append(worker)
                gate.touch()  # no pack is over before
        if len(stopped) == 2:
            flag.touch()

    monitor = launch(StudyConfig.model_validate(settings), directory, stop)
    assert len(stopped) == 2 and not monitor.ending
    rows = {row["trial"]: row for row in directory.trials().to_pylist()}
    assert [row["status"] for row in rows.values()] == ["COMPLETE"] * 2 + ["FAILED"] * 2
    said = rows["dense-00002"]["reason"]
    assert said.splitlines()[-1] == "dense-p0001 gave no sign of life for 0.2 min, at 0% of its training"
    assert "net_that_hangs.py" in said and "in forward" in said
    assert [path.name for path in (tmp_path / "silent" / "stacks").iterdir()] == ["dense-p0001.silent.txt"]


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_worker_that_is_stopped_before_its_first_sign_is_ended_by_the_driver(tmp_path: Path, flag: Path) -> None:
    @ray.remote
    class Stopped:
        def __init__(self) -> None:
            os.kill(os.getpid(), signal.SIGSTOP)

    now = [0.0]
    workers = Workers(StudyDirectory(tmp_path / "study"), LimitSettings(), lambda: now[0])
    ready = Stopped.remote().__ray_ready__.remote()  # type: ignore[attr-defined]
    for _ in range(240):
        workers.look({"trial": "at 0% of its training"}, lambda node: True)
        if ray.wait([ready], timeout=0.5)[0]:
            break
        now[0] += 5
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(ready, timeout=60)
    assert now[0] > 600, "it may be importing"
