"""What ends a run besides signals, and what is written down of it."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from study.directory import STOP, Lock, Store, driver_of, events, request_stop
from study.directory.checkpoints import Checkpoints
from study.directory.log import Log
from study.directory.study_directory import StudyDirectory
from study.running.ending import Ending, Signals
from study.running.orders import Orders


class Ended:
    def __init__(self) -> None:
        self.reasons: list[tuple[str, int]] = []
        self.event = threading.Event()

    def __call__(self, reason: str, exit_code: int) -> None:
        self.reasons.append((reason, exit_code))
        self.event.set()


def test_a_request_stops_the_driver_it_names(tmp_path: Path) -> None:
    store, ended = Store(tmp_path), Ended()
    with Lock(store), Orders(store, ended):
        driver = driver_of(store)
        assert driver is not None
        request_stop(store, driver)
        assert ended.event.wait(20)
    assert ended.reasons == [("stopped by `study stop`", 130)]
    assert not store.exists(STOP)


def test_a_request_works_on_an_object_store(bucket, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("study.running.orders._REMOTE_SECONDS", 0.1)
    store, ended = Store(bucket("stop")), Ended()
    with Lock(store), Orders(store, ended):
        driver = driver_of(store)
        assert driver is not None
        request_stop(store, driver)
        assert ended.event.wait(20)


def test_a_request_that_came_too_late_stops_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.running.orders._LOCAL_SECONDS", 0.05)
    store, ended = Store(tmp_path), Ended()
    with Lock(store):
        gone = driver_of(store)
    assert gone is not None
    request_stop(store, gone)
    with Lock(store), Orders(store, ended):
        assert not ended.event.wait(0.5)


def test_time_that_is_over_ends_the_run(tmp_path: Path) -> None:
    store, ended = Store(tmp_path), Ended()
    began = time.monotonic()
    with Lock(store), Orders(store, ended, timeout=0.2):
        assert ended.event.wait(20)
    assert time.monotonic() - began >= 0.2
    assert ended.reasons == [("stopped by --timeout, its time is over", 124)]


def test_an_order_is_given_like_a_signal() -> None:
    ending = Ending()
    with Signals(ending, "farewell", seconds=60) as signals:
        signals.end("stopped by `study stop`", 130)
    assert (ending.reason, ending.exit_code) == ("stopped by `study stop`", 130)


def test_events_are_kept_in_order_and_what_is_torn_is_left_out(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for driver in ("a", "b"):
        log = Log(store, driver)
        log.write("started", f"größe, by {driver}")
        log.write("warning", "a worker was lost")
        log.write("ended", "its budget is spent")
    store.put("logs/20260101T000000-c.jsonl", b'{"at": 1.0, "kind": "started", "message": "first"}\n{"at": 2.0, "ki')
    found = events(store)
    assert [event["message"] for event in found][:2] == ["first", "größe, by a"]
    assert [event["kind"] for event in found] == ["started"] + ["started", "warning", "ended"] * 2


def test_a_long_log_is_gone_on_with_in_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.directory.log._MOST_LINES", 3)
    store = Store(tmp_path)
    log = Log(store, "a")
    for number in range(8):
        log.write("ended", str(number))  # of a kind that is written at once
    assert len(store.names("logs", ".jsonl")) == 3
    assert [event["message"] for event in events(store)] == [str(number) for number in range(8)]


def test_what_happened_last_is_written_though_nothing_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.directory.log._EVERY_SECONDS", 0.2)
    store = Store(tmp_path)
    log = Log(store, "a")
    log.write("started", "")
    log.write("resized", "3 packs at once, 2 before")
    end = time.monotonic() + 60
    while len(events(store)) < 2:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_log_does_not_bring_a_removed_study_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "little")
    log = Log(store, "a")
    log.write("started", "")
    shutil.rmtree(tmp_path / "little")
    log.write("ended", "the study directory was removed")
    log.close()
    with pytest.raises(FileNotFoundError, match="the folder was removed"):
        store.put("checkpoints/a.pt", b"")
    assert not (tmp_path / "little").exists()


def test_a_log_does_not_bring_a_study_back_whose_prefix_was_removed(bucket: Callable[[str], str]) -> None:
    """Nor do checkpoints of workers that are told to stop after it."""
    directory = StudyDirectory(bucket("runs/removed"))
    directory.create("name: removed")
    log = Log(directory.store, "a")
    log.write("started", "")
    worker = StudyDirectory(directory.location)
    assert worker.exists()
    for name in worker.store.names("", ""):
        directory.store.remove(name)
    log.write("ended", "the study directory was removed")
    log.close()
    with pytest.raises(FileNotFoundError, match="the folder was removed"):
        Checkpoints(worker.store, "dense-p0000").save(3, {"epochs": 3})
    assert worker.store.names("", "") == []
