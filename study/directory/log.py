"""What happened in a study's runs, a line of JSON each: `logs/START-DRIVER.jsonl`, and `-2`, `-3` as they grow.

    {"at": seconds since 1970, "kind": "warning", "message": "..."}

Object stores cannot append: a file is written anew with every few lines, and left behind when it is long.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from datetime import UTC, datetime
from typing import TypedDict

from study.directory.layout import LOGS, STACKS
from study.directory.store import Store

_EVERY_SECONDS = 5.0
_MOST_LINES = 1000


class Event(TypedDict):
    """``kind``: started, measured, chosen, segment, finished, failed, warning, resized, ended."""

    at: float
    kind: str
    message: str


class Log:
    """One driver's log, seconds behind.

    Losing it is no reason to lose a run: what cannot be written is tried again with the next.
    """

    def __init__(self, store: Store, driver: str) -> None:
        self._store = store
        self._name = f"{LOGS}/{datetime.now(UTC):%Y%m%dT%H%M%S}-{driver[:8]}"
        self._part, self._lines, self._written_at = 1, list[str](), float("-inf")
        self._lock = threading.Lock()
        self._later: threading.Timer | None = None

    def write(self, kind: str, message: str) -> None:
        event: Event = {"at": time.time(), "kind": kind, "message": message}
        with self._lock:
            self._lines.append(json.dumps(event, ensure_ascii=False))
            wait = self._written_at + _EVERY_SECONDS - time.monotonic()
            if wait <= 0 or kind == "ended":
                self._flush()
            elif self._later is None:
                self._later = threading.Timer(wait, self.close)
                self._later.daemon = True
                self._later.start()

    def close(self) -> None:
        """Write down what is not yet."""
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if not self._lines:
            return
        part = f"-{self._part}" if self._part > 1 else ""
        with contextlib.suppress(OSError):
            self._store.put(
                f"{self._name}{part}.jsonl", "".join(f"{line}\n" for line in self._lines).encode(), replace=True
            )
            if len(self._lines) >= _MOST_LINES:
                self._part, self._lines = self._part + 1, []
        self._written_at = time.monotonic()


def events(store: Store) -> list[Event]:
    """All of them, the oldest first; lines that are no events are left out."""
    found: list[Event] = []
    for name in store.names(LOGS, ".jsonl"):
        for line in store.get(name).decode(errors="replace").splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                found.append({"at": float(entry["at"]), "kind": str(entry["kind"]), "message": str(entry["message"])})
    return sorted(found, key=lambda event: event["at"])


def stacks(store: Store, pack: str | None = None) -> dict[str, str]:
    """The stacks of workers that were ended, by file; of one pack or of all."""
    names = store.names(STACKS, ".txt")
    return {
        name: store.get(name).decode(errors="replace")
        for name in names
        if pack is None or name.startswith((f"{STACKS}/{pack}.", f"{STACKS}/{pack}-"))
    }
