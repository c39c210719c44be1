"""One driver per study: refusal, takeover, heartbeats."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.directory.layout import DRIVER
from study.directory.lock import STALE_SECONDS, Lock, Locked, driver_of
from study.directory.store import Store

HOLD = """
import sys, time
from study.directory.lock import Lock
from study.directory.store import Store
with Lock(Store(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "study")


@pytest.fixture(params=["flock", "heartbeat"])
def locking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the kernel's lock, and as on a file system without locks."""

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    if request.param == "heartbeat":
        monkeypatch.setattr(fcntl, "flock", refuse)
        monkeypatch.setattr("study.directory.lock._SETTLE_SECONDS", 0.01)
    return str(request.param)


def write(store: Store, **changes: Any) -> None:
    driver = {"host": "elsewhere", "pid": 1, "since": 0.0, "beat": time.time(), "token": "x"} | changes
    store.put(DRIVER, json.dumps(driver).encode(), replace=True)


def test_a_second_driver_is_told_who_the_first_one_is(store: Store, locking: str) -> None:
    with Lock(store), pytest.raises(Locked) as refused, Lock(store):
        pass
    driver = refused.value.driver
    assert driver is not None and driver.pid == os.getpid()
    assert f"process {os.getpid()} on {driver.host} since 20" in str(refused.value)
    assert store.place() in str(refused.value)


def test_it_is_free_afterwards_and_nobody_drives(store: Store, locking: str) -> None:
    with Lock(store):
        assert driver_of(store) is not None
    assert driver_of(store) is None and not store.exists(DRIVER)
    with Lock(store):
        pass


def test_one_whose_process_was_killed_is_taken_over_at_once(store: Store, tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, store.location], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with holder.stdout, pytest.raises(Locked, match=f"process {holder.pid} on"), Lock(store):
        pass
    holder.kill()
    holder.wait()
    assert store.exists(DRIVER) and driver_of(store) is None
    with Lock(store):
        driver = driver_of(store)
        assert driver is not None and driver.pid == os.getpid()


def test_a_process_of_this_host_that_runs_no_more_is_dead(store: Store, locking: str) -> None:
    with Lock(store):
        found = json.loads(store.get(DRIVER))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    store.put(DRIVER, json.dumps({**found, "pid": gone.pid}).encode())
    with Lock(store):
        pass


def test_one_on_another_host_is_believed_as_long_as_its_heart_beats(store: Store, locking: str) -> None:
    write(store, beat=time.time() - STALE_SECONDS + 20)
    with pytest.raises(Locked, match="process 1 on elsewhere"), Lock(store):
        pass
    write(store, beat=time.time() - STALE_SECONDS - 1)
    with Lock(store):
        pass


def test_the_heart_beats(store: Store) -> None:
    with Lock(store, beat_seconds=0.02):
        first = json.loads(store.get(DRIVER))["beat"]
        end = time.monotonic() + 20
        while json.loads(store.get(DRIVER))["beat"] == first:
            assert time.monotonic() < end
            time.sleep(0.01)


def test_a_driver_notices_that_another_one_took_over(store: Store) -> None:
    with Lock(store, beat_seconds=0.02) as lock:
        write(store)
        assert lock.lost.wait(20)
    assert json.loads(store.get(DRIVER))["token"] == "x", "the other one's lock is not ours to remove"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"host": "a"}'])
def test_a_torn_lock_is_none(store: Store, content: bytes) -> None:
    store.put(DRIVER, content)
    assert driver_of(store) is None
    with Lock(store):
        pass


def test_of_two_that_start_at_once_one_gives_way(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system without locks, where the other one writes after we have."""
    monkeypatch.setattr(fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOTSUP, "")))
    monkeypatch.setattr(time, "sleep", lambda seconds: write(store))
    with pytest.raises(Locked, match="elsewhere"), Lock(store):
        pass


def test_on_an_object_store(bucket: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.directory.lock._SETTLE_SECONDS", 0.01)
    store = Store(bucket("locked"))
    with Lock(store), pytest.raises(Locked, match=f"process {os.getpid()} on"), Lock(store):
        pass
    assert driver_of(store) is None
    write(store, beat=time.time() - STALE_SECONDS - 1)
    with Lock(store) as lock:
        driver = driver_of(store)
        assert driver is not None and driver.pid == os.getpid()
    assert not lock.lost.is_set()
