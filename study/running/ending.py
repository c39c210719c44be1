"""Why a run ends before its budget is spent: a signal, a broken study directory, a Ray that cannot be had."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from types import FrameType
from typing import Self

STOP_SECONDS = 8.0
"""What the workers get to write their checkpoints in after a signal."""


class Ending:
    """False while the run goes on; then it holds the first reason that was given. Any thread may give one.

    ``exit_code`` is 128 + the number of a signal, 1 where something is broken. ``then`` is the command that goes on,
    empty where nothing is left to go on with.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self.exit_code = 0
        self.then = "resume"
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return self.reason is not None

    def give(self, reason: str, exit_code: int = 1, then: str = "resume") -> None:
        with self._lock:
            if self.reason is None:
                self.reason, self.exit_code, self.then = reason, exit_code, then


class Signals:
    """SIGINT and SIGTERM give the ending; a second one, or workers that do not stop in time, end the run at once.

    A context manager; in a thread that cannot handle signals it does nothing.

    Args:
        farewell: how to go on, said when the run is ended at once.
        own_process: the process ends with the run, as a command's does. Otherwise it is somebody's notebook or program,
            where the main thread gets a KeyboardInterrupt.
    """

    def __init__(
        self, ending: Ending, farewell: str, seconds: float = STOP_SECONDS, *, own_process: bool = False
    ) -> None:
        self._ending, self._farewell, self._seconds, self._own_process = ending, farewell, seconds, own_process
        self._timer: threading.Timer | None = None
        self._before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        self._main = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> Self:
        self.install()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._main:
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def install(self) -> None:
        """Once more after ``ray.init``, which puts handlers of its own in place."""
        if self._main:
            for number in self._before:
                signal.signal(number, self._received)

    def _received(self, number: int, frame: FrameType | None) -> None:
        if self._timer is not None:
            self._leave(128 + number)
        self.end(f"stopped by {signal.Signals(number).name}", 128 + number)

    def end(self, reason: str, exit_code: int) -> None:
        """As for a signal, from any thread."""
        self._ending.give(reason, exit_code)
        self._timer = threading.Timer(self._seconds, self._leave, (exit_code,))
        self._timer.daemon = True
        self._timer.start()

    def _leave(self, exit_code: int) -> None:
        if self._own_process:
            sys.stderr.write(f"\n{self._farewell}\n")
            sys.stderr.flush()
            os._exit(exit_code)
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt(self._farewell)
        if self._main:
            _thread.interrupt_main()  # which comes back to `_received` there
