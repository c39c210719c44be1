"""What ends a run besides signals: a request from elsewhere, and the time that it was given."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Self

from study.directory import STOP, Store, driver_of, stop_requested

TIMED_OUT = 124
"""Exit code, as of timeout(1)."""

STOPPED = 130
"""Exit code, as after Ctrl-C."""

_LOCAL_SECONDS, _REMOTE_SECONDS = 1.0, 5.0


class Orders:
    """Looks for them from a thread of its own, while the study's lock is held; a context manager.

    Args:
        store: of the study directory.
        end: called with the reason and the exit code, once.
        timeout: seconds that the run may take; None for any.
    """

    def __init__(self, store: Store, end: Callable[[str, int], None], timeout: float | None = None) -> None:
        self._store, self._end, self._timeout = store, end, timeout
        self._began = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="study-orders", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()
        with contextlib.suppress(OSError):
            self._store.remove(STOP)

    def _watch(self) -> None:
        driver = driver_of(self._store)
        poll = _LOCAL_SECONDS if self._store.local is not None else _REMOTE_SECONDS
        while not self._over.wait(self._wait(poll)):
            if self._timeout is not None and time.monotonic() - self._began >= self._timeout:
                self._end("stopped by --timeout, its time is over", TIMED_OUT)
                return
            with contextlib.suppress(OSError):  # a store that is away for a while is the run's to notice
                if driver is not None and stop_requested(self._store, driver):
                    self._end("stopped by `study stop`", STOPPED)
                    return

    def _wait(self, poll: float) -> float:
        """Until the next look."""
        if self._timeout is None:
            return poll
        return max(0.0, min(poll, self._began + self._timeout - time.monotonic()))
