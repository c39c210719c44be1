"""The processes under a driver, and which of them are Ray's: what benchmarks.chaos shoots at. Linux."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import defaultdict
from pathlib import Path

KINDS = ("driver", "worker", "head", "raylet")
_TITLES = {"worker": "ray::", "head": "/gcs_server", "raylet": "/raylet/raylet"}


def descendants(pid: int) -> list[int]:
    """The processes under a process, at any depth."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                after_name = (entry / "stat").read_text().rpartition(")")[2].split()
                children[int(after_name[1])].append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        below = children[todo.pop()]
        found += below
        todo += below
    return found


def born(pid: int) -> str:
    """When a process started, empty when it is gone or a zombie: with its number it names one process for good."""
    with contextlib.suppress(OSError):
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if after_name[0] == "Z" else after_name[19]
    return ""


def title(pid: int) -> str:
    """A process's command line, empty when it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def targets(driver: int, kind: str) -> list[int]:
    """The processes of a kind that belong to a driver."""
    if kind == "driver":
        return [driver]
    below = [(pid, title(pid)) for pid in descendants(driver)]
    if kind == "worker":
        return [pid for pid, name in below if name.startswith("ray::") and "Trainable" in name]
    return [pid for pid, name in below if _TITLES[kind] in name]


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
