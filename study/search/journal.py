"""Optuna's journal with one writer: replayed from memory, written to the disk a pack at a time.

Optuna's own file backend fsyncs every operation (a trial has a dozen) and reads the file back after each.
Here the study's driver is the only one whose operations count, so the file is a mirror for optuna-dashboard:
`flush` appends what is new in one write and one fsync. What others append, such as a note typed into the
dashboard, stays in the file and is not read. The journal is a cache: a new one replaces the file of an
earlier run at its first flush.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend

from study.directory import journal_draft


class Journal(BaseJournalBackend):
    """Journal backend of one process; `path` has the format of optuna.storages.journal.JournalFileBackend."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unread: list[dict[str, Any]] = []
        self._read = 0
        self._unwritten: list[str] = []
        self._started = False

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = [json.dumps(log, separators=(",", ":")) for log in logs]
        self._unwritten += lines
        self._unread += [json.loads(line) for line in lines]

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        # JournalStorage, the only reader, never goes back: what it has read is forgotten.
        del self._unread[: log_number_from - self._read]
        self._read = log_number_from
        return iter(self._unread)

    def flush(self) -> None:
        """Write what was appended since the last time."""
        if not self._unwritten:
            return
        text = "".join(f"{line}\n" for line in self._unwritten)
        path = self._path if self._started else self._path.with_name(journal_draft(self._path.name))
        with path.open("ab" if self._started else "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        path.replace(self._path)
        self._started = True
        self._unwritten.clear()
