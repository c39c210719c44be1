"""One driver per study directory: the second is refused, what a dead one left behind is taken over.

`driver.lock` says who drives: host, process and since when. On a local path the driver holds the kernel's lock on it
(flock), which ends with its process however that ends. Where there is none, on object stores and on network file systems
that do not carry it from host to host, the file's modification time is the driver's heartbeat.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import socket
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from study.store import Store

FILE = "driver.lock"
BEAT_SECONDS = 10.0
STALE_SECONDS = 60.0
"""Age of the last heartbeat from which a driver on another host is taken for dead."""

_UNSUPPORTED = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}


@dataclass(frozen=True)
class Driver:
    """Who drives a study."""

    host: str
    pid: int
    since: str
    token: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"

    @property
    def here(self) -> bool:
        return self.host == socket.gethostname()

    @property
    def dead(self) -> bool:
        """Whether it is known to be: its process ran on this host and runs no more."""
        if not self.here:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return False


class Locked(ValueError):
    """Another driver is at work on the directory."""

    def __init__(self, where: str, driver: Driver) -> None:
        super().__init__(
            f"{where} is driven by {driver} already; stop it first (SIGINT and SIGTERM lose nothing). If it is gone for "
            f"certain, wait {STALE_SECONDS:.0f} s and try again"
        )
        self.driver = driver


def driver_of(store: Store) -> Driver | None:
    """Who drives the study now, None if nobody does."""
    try:
        driver = Driver(**json.loads(store.get(FILE)))
        age = time.time() - store.modified(FILE)
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return None
    return None if driver.dead or age > STALE_SECONDS else driver


class Lock:
    """Held while a study is driven, as a context manager.

    Attributes:
        lost: set when another driver has taken over, because this one was suspended for long.

    Raises:
        Locked: on entry, while another driver is alive.
        OSError: the directory cannot be written.
    """

    def __init__(self, store: Store, beat_seconds: float = BEAT_SECONDS) -> None:
        self._store, self._beat_seconds = store, beat_seconds
        since = datetime.now(UTC).isoformat(" ", "seconds")
        self.driver = Driver(socket.gethostname(), os.getpid(), since, secrets.token_hex(8))
        self.lost = threading.Event()
        self._stop = threading.Event()
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        if self._store.local is not None:
            self._descriptor = self._flock(self._store.local)
        try:
            other = driver_of(self._store)
            # The kernel's lock is ours: another driver of this host cannot be alive.
            if other is not None and not (self._descriptor is not None and other.here):
                raise Locked(self._store.place(), other)
            self._write()
        except BaseException:
            self._unlock()
            raise
        self._beat = threading.Thread(target=self._keep_beating, name="study-lock", daemon=True)
        self._beat.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._beat.join()
        with contextlib.suppress(OSError):
            if self._mine():
                self._store.remove(FILE)
        self._unlock()
