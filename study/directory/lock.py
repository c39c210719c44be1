"""One driver per study directory: a second is refused, what a dead one left behind is taken over.

`driver.json` says who drives: host, process, since when, and its last heartbeat. On a local path the driver also holds
the kernel's lock on `.driver.lock` (flock), which ends with its process, however that ends. Object stores have no such
lock, and network file systems may not carry it from host to host: there the heartbeat decides.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import socket
import threading
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Self

from study.directory.layout import DRIVER, DRIVER_LOCK
from study.directory.store import Store
from trainables.errors import StudyError

BEAT_SECONDS = 10.0
STALE_SECONDS = 60.0
"""Age of the last heartbeat from which a driver on another host is taken for dead."""

_SETTLE_SECONDS = 1.0


@dataclass(frozen=True)
class Driver:
    """Who drives a study. ``since`` and ``beat``, its last sign of life, are seconds since 1970."""

    host: str
    pid: int
    since: float
    beat: float
    token: str

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"process {self.pid} on {self.host} since {since}"

    @property
    def alive(self) -> bool:
        """Whether it has to be taken for alive: its process runs on this host, or its heartbeat is fresh."""
        if time.time() - self.beat > STALE_SECONDS:
            return False
        if self.host != socket.gethostname():
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return True


class Locked(StudyError):
    """Another driver is at work on the directory."""

    def __init__(self, where: str, driver: Driver | None) -> None:
        super().__init__(
            f"{where} is driven by {driver or 'another process'}; stop that one first, or wait for it. "
            f"If it died on another machine, the directory is free again {STALE_SECONDS:.0f} s later"
        )
        self.driver = driver


def driver_of(store: Store) -> Driver | None:
    """Who drives the study now; None if nobody does."""
    driver = _written(store)
    return driver if driver is not None and driver.alive else None


class Lock:
    """Held while a study is driven, as a context manager.

    ``lost`` is set when another driver has taken over, because this one was suspended for long.

    Raises:
        Locked: on entry, while another driver is alive.
        OSError: on entry, when the directory cannot be written.
    """

    def __init__(self, store: Store, beat_seconds: float = BEAT_SECONDS) -> None:
        self.lost = threading.Event()
        self._store, self._beat_seconds = store, beat_seconds
        now = time.time()
        self._driver = Driver(socket.gethostname(), os.getpid(), now, now, secrets.token_hex(8))
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
        other = driver_of(self._store)
        # With the kernel's lock in our hands, a driver of this host can only be a process that got a dead one's number.
        if other is not None and not (self._descriptor is not None and other.host == self._driver.host):
            raise Locked(self._store.place(), other)
        self._write()
        if self._descriptor is None:
            time.sleep(_SETTLE_SECONDS)  # of two that start at once, the later write stands
            if not self._mine():
                raise Locked(self._store.place(), driver_of(self._store))

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
        driver = replace(self._driver, beat=time.time())
        self._store.put(DRIVER, json.dumps(asdict(driver), indent=1).encode(), replace=True)

    def _mine(self) -> bool:
        found = _written(self._store)
        return found is not None and found.token == self._driver.token

    def _keep_beating(self) -> None:
        while not self._stop.wait(self._beat_seconds):
            # A store that cannot be reached for a while is for the run to notice, at its next write.
            with contextlib.suppress(OSError):
                found = _written(self._store)
                if found is not None and found.token != self._driver.token:
                    self.lost.set()
                    return
                self._write()


def _written(store: Store) -> Driver | None:
    try:
        return Driver(**json.loads(store.get(DRIVER)))
    except (FileNotFoundError, ValueError, TypeError):
        return None
