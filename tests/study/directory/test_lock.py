"""One driver per study: refusal, takeover, heartbeats."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from study.directory.conditional import Changed
from study.directory.layout import CONFIG, DRIVER
from study.directory.lock import STALE_SECONDS, Lock, Locked, WatchingWarning, driver_of
from study.directory.store import Store

HOLD = """
import errno, fcntl, os, sys, time
from study.directory import lock
from study.directory.store import Store
def refuse(descriptor, operation):
    raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
if "heartbeat" in sys.argv:
    fcntl.flock, lock._SETTLE_SECONDS = refuse, 0.01
with lock.Lock(Store(sys.argv[1]), beat_seconds=0.05) as held:
    print("held", flush=True)
    print("lost" if held.lost.wait(60) else "", flush=True)
"""


class Watching:
    """A clock that runs while somebody pauses; what happens meanwhile happens by ``look``, at each pause."""

    def __init__(self, look: Callable[[float], object] = lambda now: None) -> None:
        self.now, self._look = 1e6, look

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds
        self._look(self.now - 1e6)


def watched(store: Store, watching: Watching) -> Lock:
    return Lock(store, clock=watching, pause=watching.pause)


@contextmanager
def holder(store: Store, *how: str, inside: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock, in namespaces of its own if ``inside`` makes some."""
    command = [*inside, sys.executable, "-c", HOLD, store.location, *how]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            for child in children(process.pid):
                with_signal(child, signal.SIGKILL)
            process.kill()
            process.wait()


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def with_signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def namespaces(*flags: str) -> tuple[str, ...]:
    """The command that starts another one in namespaces of its own; skips where that is not permitted."""
    try:
        tried = subprocess.run(["unshare", *flags, "true"], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if tried.returncode:
        pytest.skip(f"no namespaces here: {tried.stderr.strip()}")
    return ("unshare", *flags)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "study")


@pytest.fixture
def no_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks."""

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr("study.directory.lock._SETTLE_SECONDS", 0.01)


@pytest.fixture(params=["flock", "heartbeat"])
def locking(request: pytest.FixtureRequest) -> str:
    """With the kernel's lock, and without it."""
    if request.param == "heartbeat":
        request.getfixturevalue("no_flock")
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


@pytest.mark.parametrize("how", [(), ("heartbeat",)], ids=["flock", "heartbeat"])
def test_one_whose_process_was_killed_is_taken_over_at_once(store: Store, how: tuple[str, ...], request: Any) -> None:
    with holder(store, *how) as other:
        if how:
            request.getfixturevalue("no_flock")
        with pytest.raises(Locked, match=f"process {other.pid} on"), Lock(store):
            pass
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


SKEWS = (0.0, -65.0, 3600.0, -1e6, 1e6)


@pytest.mark.parametrize("skew", SKEWS)
def test_one_that_cannot_be_seen_is_believed_once_its_heart_beats(store: Store, locking: str, skew: float) -> None:
    """Its clock is behind or ahead; it beats 10 seconds after we came."""
    write(store, beat=time.time() + skew)
    before = store.get(DRIVER)
    watching = Watching(lambda now: write(store, beat=time.time() + skew + 10, beats=1) if now >= 10 else None)
    with (
        pytest.raises(Locked, match="process 1 on elsewhere"),
        pytest.warns(WatchingWarning, match=f"{STALE_SECONDS:.0f} s"),
        watched(store, watching),
    ):
        pass
    assert watching.now - 1e6 < 15 and store.get(DRIVER) != before


@pytest.mark.parametrize("skew", SKEWS)
def test_one_whose_heart_is_silent_is_taken_over(store: Store, locking: str, skew: float) -> None:
    write(store, beat=time.time() + skew)
    watching = Watching()
    with pytest.warns(WatchingWarning), watched(store, watching):
        driver = driver_of(store)
        assert driver is not None and driver.pid == os.getpid()
    assert STALE_SECONDS <= watching.now - 1e6 <= STALE_SECONDS + 2


def test_one_that_ends_while_it_is_watched_makes_room(store: Store, locking: str) -> None:
    write(store)
    watching = Watching(lambda now: store.remove(DRIVER) if now == 6 else None)
    with pytest.warns(WatchingWarning), watched(store, watching):
        assert watching.now - 1e6 < 10


def test_who_is_suspended_while_watching_has_not_watched(store: Store, no_flock: None) -> None:
    """Together with the other one, as when a machine of many containers is paused."""
    write(store)
    watching = Watching()

    def look(now: float) -> None:
        if now == 2:
            watching.now += 600
        if now > 600:
            write(store, beats=1)

    watching._look = look
    with pytest.raises(Locked), pytest.warns(WatchingWarning), watched(store, watching):
        pass


def test_one_look_says_what_it_can(store: Store) -> None:
    for age, said in (
        (5, "running, process 1 on elsewhere"),
        (300, "perhaps running, process 1 on elsewhere"),
        (-3600, "perhaps running, process 1 on elsewhere"),
    ):
        write(store, beat=time.time() - age)
        driver = driver_of(store)
        assert driver is not None and driver.account.startswith(said)
        heard = f"last heard of {age} s ago by its own clock" if age > 0 else "whose clock is 3600 s ahead"
        assert driver.account.endswith(heard)


@pytest.mark.parametrize(
    "absurd",
    [
        {"since": 1e300, "beat": -1e300},
        {"since": 10**308, "beat": 0},
        {"pid": 10**30, "started": -1},
        {"pid": -1},
        {"pid": 0, "host": "[/red]\x1b[2J\n" + "x" * 9999},
    ],
)
def test_what_a_stranger_wrote_is_survived(store: Store, absurd: dict[str, Any]) -> None:
    with Lock(store):
        space = json.loads(store.get(DRIVER))["space"]
    write(store, space=space, **absurd)
    driver = driver_of(store)
    assert driver is None or (str(driver).isprintable() and len(driver.account) < 300 and "[" not in str(driver))
    if driver is not None:
        with pytest.warns(WatchingWarning), watched(store, Watching()):
            pass


@pytest.mark.parametrize(
    "other", [{"pid": "1"}, {"host": 1}, {"since": float("nan")}, {"beat": 10**400}, {"token": []}]
)
def test_what_is_no_driver_is_torn(store: Store, other: dict[str, Any]) -> None:
    write(store, **other)
    assert driver_of(store) is None
    with Lock(store):
        pass


def test_keys_of_newer_versions_are_left_out(store: Store) -> None:
    write(store, mood="fine")
    assert driver_of(store) is not None


@pytest.mark.parametrize("flags", [("-Urpf", "--mount-proc"), ("-Urpf",), ("-Urpf", "--mount-proc", "-u", "-m")])
def test_one_in_another_pid_namespace_is_not_taken_for_dead(
    store: Store, no_flock: None, flags: tuple[str, ...]
) -> None:
    """Its number is another process's here, or nobody's; the host's name is the same."""
    with holder(store, "heartbeat", inside=namespaces(*flags)) as other:
        driver = driver_of(store)
        assert driver is not None and (driver.pid, driver.state) == (1, "unknown")
        with pytest.raises(Locked), pytest.warns(WatchingWarning), Lock(store, pause=lambda seconds: time.sleep(0.1)):
            pass
        for child in children(other.pid):
            os.kill(child, signal.SIGKILL)
        other.wait()
        with pytest.warns(WatchingWarning), watched(store, Watching()):
            pass


def test_its_lock_of_the_kernel_holds_across_namespaces(store: Store) -> None:
    inside = namespaces("-Urpf", "--mount-proc")
    with holder(store, inside=inside), pytest.raises(Locked, match="process 1 on"), Lock(store):
        pass


def test_we_may_be_the_one_inside(store: Store, no_flock: None) -> None:
    """The process of that number in our namespace is not the driver."""
    inside = namespaces("-Urpf", "--mount-proc")
    look = "import sys; from study.directory import Store, driver_of; print(driver_of(Store(sys.argv[1])).state)"
    with Lock(store):
        found = subprocess.run([*inside, sys.executable, "-c", look, store.location], capture_output=True, text=True)
    assert found.stdout == "unknown\n", found.stderr


def test_another_hosts_name_in_the_same_namespace_hides_nothing(store: Store, no_flock: None) -> None:
    with holder(store, "heartbeat", inside=namespaces("-Uru")):
        driver = driver_of(store)
        assert driver is not None and driver.state == "running"
    assert driver_of(store) is None


def test_a_suspended_driver_is_said_as_suspended_and_stays(store: Store, no_flock: None) -> None:
    with holder(store, "heartbeat") as other:
        os.kill(other.pid, signal.SIGSTOP)
        os.waitpid(other.pid, os.WUNTRACED)
        driver = driver_of(store)
        assert driver is not None and driver.account.startswith(f"suspended, process {other.pid}")
        with pytest.raises(Locked, match=f"suspended: .* `kill -CONT {other.pid}`"), Lock(store):
            pass


def test_one_that_wakes_up_after_a_takeover_ends(store: Store, no_flock: None) -> None:
    """Taken over from where its process cannot be seen."""
    inside = namespaces("-Urpf", "--mount-proc")
    with holder(store, "heartbeat", inside=inside) as other:
        assert other.stdout is not None
        for child in children(other.pid):
            os.kill(child, signal.SIGSTOP)
        with pytest.warns(WatchingWarning), watched(store, Watching()) as lock:
            for child in children(other.pid):
                os.kill(child, signal.SIGCONT)
            assert other.stdout.readline() == "lost\n"
            assert not lock.lost.is_set() and lock._mine()


def test_another_process_of_the_same_number_is_not_the_driver(store: Store, locking: str) -> None:
    with Lock(store):
        found = json.loads(store.get(DRIVER))
    write(store, **{**found, "started": found["started"] - 1})
    assert driver_of(store) is None
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


def test_of_two_that_start_at_once_one_gives_way(store: Store, no_flock: None) -> None:
    """The other one writes after we have."""
    with pytest.raises(Locked, match="elsewhere"), Lock(store, pause=lambda seconds: write(store)):
        pass


def test_a_driver_notices_that_another_one_took_over_and_has_ended(store: Store) -> None:
    store.put(CONFIG, b"")
    with Lock(store, beat_seconds=0.02) as lock:
        store.remove(DRIVER)
        assert lock.lost.wait(20)
    assert not store.exists(DRIVER)


def test_a_study_that_was_removed_is_not_brought_back_by_the_heart(store: Store) -> None:
    with Lock(store, beat_seconds=0.02) as lock:
        shutil.rmtree(store.place())
        time.sleep(0.3)
        assert not lock.lost.is_set()
    assert not Path(store.place()).exists()


@pytest.fixture(params=["conditional", "plain"])
def remote(request: pytest.FixtureRequest, bucket: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes stores of one folder of a bucket, with conditional requests and without boto3."""
    monkeypatch.setattr("study.directory.lock._SETTLE_SECONDS", 0.01)

    def make(folder: str) -> Store:
        store = Store(bucket(f"{folder}-{request.param}"))
        if request.param == "plain":
            monkeypatch.setitem(sys.modules, "boto3", None)
        assert (store.conditional is not None) == (request.param == "conditional")
        return store

    return make


def test_on_an_object_store(remote: Any) -> None:
    store = remote("locked")
    with Lock(store), pytest.raises(Locked, match=f"process {os.getpid()} on"), Lock(store):
        pass
    assert driver_of(store) is None
    write(store)
    with pytest.warns(WatchingWarning), watched(store, Watching()) as lock:
        driver = driver_of(store)
        assert driver is not None and driver.pid == os.getpid()
    assert not lock.lost.is_set()


def test_one_of_this_process_that_could_not_be_removed_is_over(store: Store) -> None:
    with Lock(store):
        left = store.get(DRIVER)
    store.put(DRIVER, left)  # as where the disk had become read-only
    with Lock(store):
        assert store.get(DRIVER) != left


def test_nor_on_an_object_store(remote: Any) -> None:
    store = remote("removed")
    with Lock(store, beat_seconds=0.02) as lock:
        time.sleep(0.1)
        while store.exists(DRIVER):  # a beat may have been under way
            store.remove(DRIVER)
            time.sleep(0.3)
        assert not lock.lost.is_set()
    assert not store.exists(DRIVER)


def test_of_two_that_race_on_an_object_store_one_drives(remote: Any) -> None:
    """Both have looked before either writes."""
    store, other = remote("race"), remote("race")
    first, second = Lock(store), Lock(other)
    assert first._other() is None and second._other() is None
    with first:
        if store.conditional is None:
            second._write()  # the later one stands
            assert second._mine() and not first._mine()
        else:
            with pytest.raises(Changed):
                second._write()
            assert first._mine()


def test_of_many_that_race_on_an_object_store_one_drives(remote: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.directory.lock._SETTLE_SECONDS", 0.5)
    stores = [remote("many") for _ in range(4)]
    start, over, held = threading.Barrier(4), threading.Barrier(4), []

    def drive(store: Store) -> None:
        start.wait()
        try:
            with Lock(store):
                held.append(store)
                over.wait(30)
        except Locked:
            over.wait(30)

    threads = [threading.Thread(target=drive, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held) == 1


def test_a_zombie_that_wakes_between_its_look_and_its_write_changes_nothing(
    bucket: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("study.directory.lock._SETTLE_SECONDS", 0.01)
    zombie, store = Store(bucket("zombie")), Store(bucket("zombie"))
    asleep, awake = threading.Event(), threading.Event()
    swap = zombie.swap

    def late(path: str, data: bytes, tag: str | None) -> None:
        if tag is not None:
            asleep.set()
            awake.wait(30)
        swap(path, data, tag)

    monkeypatch.setattr(zombie, "swap", late)
    with Lock(zombie, beat_seconds=0.02) as old:
        assert asleep.wait(20)
        write(store)
        new = store.get(DRIVER)
        awake.set()
        assert old.lost.wait(20)
        assert store.get(DRIVER) == new
    assert store.get(DRIVER) == new
