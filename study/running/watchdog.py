"""Ends a worker that hangs: its stacks are written down in the study directory, then the process is gone.

A thread looks whether training goes on, because what hangs cannot: `forward` waits for a lock, a mount does not answer.
Where no thread can run any more, the driver looks (`study.running.silence`).
"""

from __future__ import annotations

import faulthandler
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Protocol, get_args

from study.config import LimitSettings
from study.directory import StudyDirectory, stack_path

EXIT_CODE = 75
"""EX_TEMPFAIL of sysexits.h."""

_FLOOR_SECONDS = 600.0
_FIRST_SECONDS = 3600.0
"""Before the first epoch nothing is known of the speed, and data may be decoded."""

_SLOWEST = 20.0
_POLL_SECONDS = 1.0
_WRITE_SECONDS = 10.0

Why = Literal["silent", "overdue"]
WHYS: tuple[Why, ...] = get_args(Why)


def silent_seconds(limits: LimitSettings, slowest: float | None) -> float:
    """How long training may make no step.

    Args:
        slowest: seconds of the slowest epoch seen; None before the first one.
    """
    if limits.silent_minutes != "auto":
        return 60 * limits.silent_minutes
    return _FIRST_SECONDS if slowest is None else max(_FLOOR_SECONDS, _SLOWEST * slowest)


class Watched(Protocol):
    """Training, as far as it is watched: read from another thread, at any time."""

    @property
    def epochs(self) -> int: ...

    @property
    def step(self) -> object:
        """Anything that changes with every step."""


class Pace:
    """How long a pack has been worked on, and for how long without a step; the clock stands still between work.

    Args:
        limits: the study's.
    """

    def __init__(self, limits: LimitSettings) -> None:
        self._limits = limits
        self._busy = self._stepped = self._epoch_began = 0.0
        self._slowest: float | None = None
        self._seen: tuple[int, object] = (0, None)

    @property
    def allowed(self) -> float:
        """Seconds for which training may make no step."""
        return silent_seconds(self._limits, self._slowest)

    def look(self, seconds: float, epochs: int, step: object) -> tuple[Why, str] | None:
        """What is wrong, if anything is.

        Args:
            seconds: of work since the last look.
        """
        self._busy += seconds
        if epochs > self._seen[0]:
            took = (self._busy - self._epoch_began) / (epochs - self._seen[0])
            self._slowest, self._epoch_began = max(self._slowest or 0.0, took), self._busy
        if (epochs, step) != self._seen:
            self._seen, self._stepped = (epochs, step), self._busy
        silent, allowed = self._busy - self._stepped, self.allowed
        if silent > allowed:
            return "silent", f"made no step for {silent / 60:.1f} min, where {allowed / 60:.1f} are allowed"
        overdue = self._limits.pack_minutes
        if overdue is not None and self._busy > 60 * overdue:
            return "overdue", f"took longer than pack_minutes, {overdue:g}"
        return None


class Watchdog:
    """Watches a worker's packs, one after the other, from a thread of its own."""

    def __init__(self, directory: StudyDirectory, pack: str, limits: LimitSettings) -> None:
        self._directory, self._pack, self._pace = directory, pack, Pace(limits)
        self.watched: Watched | None = None
        """What is trained, once it is there."""
        self._working, self._over = threading.Event(), threading.Event()
        threading.Thread(target=self._watch, name="study-watchdog", daemon=True).start()

    @property
    def epochs(self) -> int:
        """How many are done."""
        return 0 if self.watched is None else self.watched.epochs

    @property
    def allowed(self) -> float:
        """Seconds for which training may make no step."""
        return self._pace.allowed

    def close(self) -> None:
        """The pack is done with."""
        self._over.set()
        self._working.set()

    @contextmanager
    def working(self) -> Iterator[None]:
        """While the worker is at work; between that it waits for the driver."""
        self._working.set()
        try:
            yield
        finally:
            self._working.clear()

    def _watch(self) -> None:
        while self._working.wait() and not self._over.is_set():
            began = time.monotonic()
            time.sleep(_POLL_SECONDS)
            passed = time.monotonic() - began
            if passed > 5 * _POLL_SECONDS:
                continue  # the process was suspended: what it watches did not move either
            watched = self.watched
            epochs, step = (0, None) if watched is None else (watched.epochs, watched.step)
            if self._working.is_set() and (wrong := self._pace.look(passed, epochs, step)):
                self._end(*wrong)

    def _end(self, why: Why, message: str) -> None:
        text = account(f"{self._pack} {message}", _stacks())
        writing = threading.Thread(target=self._write, args=(why, text), daemon=True)
        writing.start()
        writing.join(_WRITE_SECONDS)  # the study directory may be what does not answer
        os._exit(EXIT_CODE)

    def _write(self, why: Why, text: str) -> None:
        self._directory.store.put(stack_path(self._pack, why), text.encode(), replace=True)


def account(message: str, stacks: str) -> str:
    """What is written down of a worker that hung; like a traceback's, its last line is what it comes down to."""
    return f"{message}; its threads:\n{stacks}\n{message}\n"


def _stacks() -> str:
    """Where every thread of this process is."""
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        return file.read()
