"""One driver per study directory: a second is refused, what a dead one left behind is taken over.

`driver.json` says who drives: host, process, since when, and its last heartbeat. On a local path the driver also holds
the kernel's lock on `.driver.lock` (flock), which ends with its process, however that ends. Where a process is seen
(study.directory.process), it is known at once whether it runs. Anywhere else only the heart tells: who wants to drive
watches it for STALE_SECONDS of its own clock, and takes over if it has not beaten once. Clocks of two hosts are never
compared. On S3, with boto3, `driver.json` is claimed and kept by conditional requests; other stores are asked again a
moment after a claim, and the later of two stands.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import re
import secrets
import socket
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal, Self

from study.directory.conditional import Changed
from study.directory.layout import CONFIG, DRIVER, DRIVER_LOCK
from study.directory.process import Process, State, this_process
from study.directory.store import Store
from trainables.errors import StudyError

BEAT_SECONDS = 10.0
STALE_SECONDS = 60.0
"""How long a heart that nobody can see otherwise has to be silent, by the watcher's clock, to be taken for dead."""

_LOOK_SECONDS = 2.0
_SETTLE_SECONDS = 1.0
_UNKNOWN = re.compile(r"[^\w.:-]")


@dataclass(frozen=True)
class Driver:
    """Who drives a study. ``since`` and ``beat``, its last sign of life, are seconds since 1970 by its own clock;
    ``space`` and ``started`` say which process it is, see `Process`; those of older versions lack them."""

    host: str
    pid: int
    since: float
    beat: float
    token: str
    beats: int = 0
    space: str = ""
    started: int = 0

    def __str__(self) -> str:
        try:
            since = datetime.fromtimestamp(self.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        except (OverflowError, ValueError, OSError):
            since = "an unknown time"
        return f"process {self.pid} on {_UNKNOWN.sub('?', self.host)[:64]} since {since}"

    @property
    def state(self) -> State:
        """What can be told at one look; unknown of a process that cannot be seen from here."""
        return Process(self.pid, self.space, self.started).state

    @property
    def account(self) -> str:
        """What it is doing, as far as one look can tell."""
        state = self.state
        if state != "unknown":
            return f"{state}, {self}"
        return f"{'perhaps running' if self.silent else 'running'}, {self}, {self.heard}"

    @property
    def heard(self) -> str:
        age = time.time() - self.beat
        if not abs(age) < 1e9:
            return "last heard of at an unknown time"
        if age < 0:
            return f"whose clock is {-age:.0f} s ahead"
        return f"last heard of {age:.0f} s ago by its own clock"

    @property
    def silent(self) -> bool:
        """Whether it is dead, or looks so by its own clock, which may be wrong: good for a hint, not to take over."""
        state = self.state
        if state != "unknown":
            return state == "dead"
        return not abs(time.time() - self.beat) <= STALE_SECONDS


class Locked(StudyError):
    """Another driver is at work on the directory."""

    def __init__(self, where: str, driver: Driver | None) -> None:
        advice = "stop that one first, or wait for it"
        if driver is not None and driver.state == "suspended":
            advice = f"it is suspended: let it go on with `kill -CONT {driver.pid}`, or end it"
        super().__init__(f"{where} is driven by {driver or 'another process'}; {advice}")
        self.driver = driver


class WatchingWarning(UserWarning):
    """Whether a driver lives cannot be seen from here: it takes a while to tell."""


def driver_of(store: Store) -> Driver | None:
    """Who drives the study now, or may, see `Driver.state`; None if nobody does. One look, without waiting."""
    driver = _written(store)
    return driver if driver is not None and driver.state != "dead" else None


class Lock:
    """Held while a study is driven, as a context manager.

    ``lost`` is set when another driver has taken over, because this one was suspended for long.

    Args:
        clock: seconds from anywhere, ``pause``: waits some; others in tests.

    Raises:
        Locked: on entry, while another driver is alive.
        OSError: on entry, when the directory cannot be written.

    Warns:
        WatchingWarning: on entry, before a driver that cannot be seen is watched.
    """

    def __init__(
        self,
        store: Store,
        beat_seconds: float = BEAT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.lost = threading.Event()
        self._store, self._beat_seconds = store, beat_seconds
        self._clock, self._pause = clock, pause
        now, process = time.time(), this_process()
        self._driver = Driver(
            socket.gethostname(), process.pid, now, now, secrets.token_hex(8), 0, process.space, process.started
        )
        self._tag: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_beating, name="study-lock", daemon=True)
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        self._lock_file()
        try:
            self._take()
        except BaseException:
            self._unlock_file()
            raise
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()
        with contextlib.suppress(OSError):  # what is left goes stale
            if self._mine():
                self._store.remove(DRIVER)
        self._unlock_file()

    def _take(self) -> None:
        other = self._other()
        if other is not None:
            self._wait_for(other)
        try:
            self._write()
        except Changed:  # perhaps by a request of ours whose answer was lost
            if not self._mine():
                raise Locked(self._store.place(), _written(self._store)) from None
        if self._descriptor is None:
            self._pause(_SETTLE_SECONDS)  # of two that start at once, the later write stands
            if not self._mine():
                raise Locked(self._store.place(), _written(self._store))

    def _wait_for(self, other: Driver) -> None:
        """Until it is certain that another driver is dead; raises Locked once it is certain that it is not."""
        state, place = other.state, self._store.place()
        ours = self._descriptor is not None and (other.pid, other.space, other.started) == (
            self._driver.pid,
            self._driver.space,
            self._driver.started,
        )
        if state == "dead" or ours:  # this process has let go of it, but could not write that down
            return
        if state != "unknown":
            raise Locked(place, other)
        warnings.warn(
            f"{place} may be driven by {other}, {other.heard}; if nothing is heard of it within "
            f"{STALE_SECONDS:.0f} s it is taken over",
            WatchingWarning,
            stacklevel=2,
        )
        silence, looked = 0.0, self._clock()
        while silence < STALE_SECONDS:
            self._pause(min(_LOOK_SECONDS, STALE_SECONDS - silence))
            now = self._other()
            if now is None:
                return  # it has ended
            if now != other:
                raise Locked(place, now)
            # Who was suspended between two looks has not watched: the other one may have been, together with it.
            silence, looked = silence + min(self._clock() - looked, 2 * _LOOK_SECONDS), self._clock()

    def _lock_file(self) -> None:
        """Take the kernel's lock where there is one."""
        if self._store.local is None:
            return
        self._store.local.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._store.local / DRIVER_LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise Locked(self._store.place(), _written(self._store)) from None
        except OSError:  # a file system without locks
            os.close(descriptor)
            return
        self._descriptor = descriptor

    def _unlock_file(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self) -> None:
        """Raises Changed where another one has written since the last look, if the store can tell."""
        self._driver = replace(self._driver, beat=time.time(), beats=self._driver.beats + 1)
        self._store.swap(DRIVER, json.dumps(asdict(self._driver), indent=1).encode(), self._tag)

    def _look(self) -> Driver | None:
        """Who is written down; the next `_write` is on condition that it still is. Raises FileNotFoundError."""
        self._tag = None
        data, self._tag = self._store.tagged(DRIVER)
        return _decoded(data)

    def _other(self) -> Driver | None:
        try:
            return self._look()
        except FileNotFoundError:
            return None

    def _mine(self) -> bool:
        found = self._other()
        return found is not None and found.token == self._driver.token

    def _standing(self) -> Literal["ours", "theirs", "gone"]:
        """Who drives: another one does, or did and has ended; or there is no study any more."""
        try:
            found = self._look()
        except FileNotFoundError:
            return "theirs" if self._store.exists(CONFIG) else "gone"
        return "theirs" if found is not None and found.token != self._driver.token else "ours"

    def _keep_beating(self) -> None:
        while not self._stop.wait(self._beat_seconds):
            # A store that cannot be reached for a while is for the run to notice, at its next write.
            with contextlib.suppress(OSError):
                while (standing := self._standing()) == "ours":
                    with contextlib.suppress(Changed):  # between our look and our write: look again
                        self._write()
                        break
                if standing == "theirs":
                    self.lost.set()
                    return


def _written(store: Store) -> Driver | None:
    try:
        return _decoded(store.get(DRIVER))
    except FileNotFoundError:
        return None


def _decoded(data: bytes) -> Driver | None:
    """None for what is torn or not of a driver; keys of newer versions are left out."""
    try:
        found: Any = json.loads(data)
        driver = Driver(**{field.name: found[field.name] for field in fields(Driver) if field.name in found})
        numbers = replace(driver, since=float(driver.since), beat=float(driver.beat))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    texts, counts = (driver.host, driver.token, driver.space), (driver.pid, driver.beats, driver.started)
    fit = all(isinstance(text, str) for text in texts) and all(type(count) is int for count in counts)
    return numbers if fit and math.isfinite(numbers.since) and math.isfinite(numbers.beat) else None
