"""Which process it is, and whether it still runs, where that is certain.

A process number means something in one PID namespace of one boot only: in another container it is another process,
or none. There nothing is certain, and the answer is unknown.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

State = Literal["running", "suspended", "dead", "unknown"]

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACES = ("pid", "time")  # a time namespace moves the start times that its processes read


@dataclass(frozen=True)
class Process:
    """``space``: the boot and the namespaces in which ``pid`` and ``started`` hold, empty where they cannot be told;
    ``started``: clock ticks after boot, which tells a process from a later one of the same number."""

    pid: int
    space: str
    started: int

    @property
    def state(self) -> State:
        if not self.space or self.space != _space() or not 0 < self.pid < 2**31:
            return "unknown"
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return "dead"
        except OSError:
            pass  # another user's
        try:
            letter, started = _stat(self.pid)
        except (OSError, ValueError, IndexError):
            return "unknown"  # hidden from us, or gone since
        if started != self.started or letter in "ZX":
            return "dead"
        return "suspended" if letter in "Tt" else "running"


def this_process() -> Process:
    pid, space = os.getpid(), _space()
    try:
        return Process(pid, space, _stat(pid)[1])
    except (OSError, ValueError, IndexError):
        return Process(pid, "", 0)


def _space() -> str:
    return _space_of(os.getpid())


@lru_cache(maxsize=1)
def _space_of(pid: int) -> str:
    try:
        if str(Path("/proc/self").readlink()) != str(pid):
            return ""  # /proc is of another namespace than this process
        namespaces = (str(Path(f"/proc/self/ns/{name}").readlink()) for name in _NAMESPACES)
        return " ".join([_BOOT.read_text().strip(), *namespaces])
    except OSError:
        return ""


def _stat(pid: int) -> tuple[str, int]:
    """The letter of its state, and when it started; the command's name, which may hold anything, is in parentheses."""
    fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return fields[0], int(fields[19])
