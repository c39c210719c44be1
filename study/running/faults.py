"""Faults: why a pack cannot go on in a worker, and whom that is to be blamed on.

A trial's outcome is data: its loss diverged, its configuration was refused, its code failed on a node where code runs.
What the place lacks (a file, a module, a mount, a device, room on a disk) says nothing about the trial: the pack waits
for another worker, on another node if there is one.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from study.directory import broke_off
from trainables.errors import StudyError

Kind = Literal["trial", "place", "directory", "memory", "early"]

_DEVICE = ("CUDA driver", "No CUDA GPUs", "NVIDIA driver", "CUDA unknown error", "CUDA error", "HIP error")
_BUGS_ON_A_DEVICE = ("device-side assert", "illegal memory access", "misaligned address")


class Fault(Exception):
    """A worker could not go on with its pack.

    Attributes:
        kind: place (the node lacks something), directory (the study directory cannot be read or written from there),
            memory (not even a single trial fits), early (anything else before this worker has trained an epoch: the
            trial's code, or the node's).
        reason: the traceback.
        node: Ray's id of the node; empty where nobody knows.
    """

    def __init__(self, kind: Kind, reason: str, node: str = "") -> None:
        super().__init__(kind, reason, node)
        self.kind, self.reason, self.node = kind, reason, node

    @property
    def brief(self) -> str:
        """The last line of the traceback: the exception itself."""
        return last_line(self.reason)


@dataclass(frozen=True)
class Loss:
    """A worker that died without a word of its own.

    Attributes:
        reason: what Ray says about it.
        node: where it was, empty where nobody knows.
        node_died: its node went with it: preempted, or switched off.
        started: whether it had begun to work; one that had not lacked something that its node should have.
        no_memory: it was killed because its machine had no memory left.
        stack: where it hung, from the watchdog that ended it; empty where it did not hang.
        overdue: it may have been at work when it was ended, for longer than packs may take.
        saved: epochs of the pack at its newest checkpoint: what its next worker goes on from.
    """

    reason: str
    node: str = ""
    node_died: bool = False
    started: bool = True
    no_memory: bool = False
    stack: str = ""
    overdue: bool = False
    saved: int = 0


def kind_of(error: Exception, begun: bool) -> Kind:
    """Whom to blame for what a pack's training raised.

    Args:
        begun: whether this worker has trained an epoch before; then its node has all that training needs.
    """
    if out_of_memory(error):
        return "memory"
    if isinstance(error, OSError | ImportError) or _device_is_gone(error):
        return "place"
    return "trial" if begun or isinstance(error, StudyError) else "early"


def out_of_memory(error: Exception) -> bool:
    """CUDA's, Python's, and that of PyTorch's allocator on CPUs, which has no type of its own."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def explained(error: BaseException) -> str:
    """The traceback."""
    return "".join(traceback.format_exception(error))


def last_line(reason: str) -> str:
    """What a traceback comes down to."""
    lines = [line.strip() for line in reason.strip().splitlines()]
    return lines[-1] if lines else ""


def failed_alike(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """What every trial of a study failed with so far, if each of its methods has had some; else empty.

    Args:
        rows: the trials' rows by method.
    """
    every = (row for own in rows.values() for row in own)
    # Asked after every pack: the first trial that is complete ends it.
    if not all(rows.values()) or not all(broke_off(row) and row["reason"] is not None for row in every):
        return ""
    said = {last_line(row["reason"]) for own in rows.values() for row in own}
    return said.pop() if len({re.sub(r"0x[0-9a-f]+|[0-9]+", "0", line) for line in said}) == 1 else ""


def _device_is_gone(error: Exception) -> bool:
    said = str(error)
    if not isinstance(error, RuntimeError | AssertionError) or any(bug in said for bug in _BUGS_ON_A_DEVICE):
        return False
    return any(sign in said for sign in _DEVICE)
