"""A worker's signs of life, which the driver reads where the worker's own watchdog does not get to run.

C code that holds the interpreter's lock keeps all threads of Python from running, and a stopped process runs none.
Signs go through Ray's key-value store: no process more, no file, and none but plain values are read.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

import ray
from ray.experimental.internal_kv import _internal_kv_del, _internal_kv_get, _internal_kv_put

SIGN_SECONDS = 2.0
"""Between two signs of a worker."""

_NAMESPACE = b"study-pulse"
_DUMP_SHARE = 0.9
"""Of the time that a worker may be silent, after which its stacks are written down: before the driver ends it."""

_LONGEST = 1e6
"""Seconds; Python's timers refuse much more."""

_STACKS = "Timeout ("
_MOST = 1 << 18
_STDERR = 2


@dataclass(frozen=True)
class Sign:
    """One sign of life of a worker: ``count`` changes with each, ``epochs`` of its pack are done.

    ``actor``, ``node``: Ray's ids. ``errors``: where its standard error lies on its node, empty where that is no file,
    and ``written``, how much was in it.
    """

    count: int
    epochs: int
    actor: str
    node: str
    errors: str = ""
    written: int = 0

    @property
    def stacks(self) -> str:
        """Where its threads are, if the worker could write that down after this sign; to be asked on its node."""
        try:
            with Path(self.errors).open("rb") as file:
                file.seek(self.written)
                said = file.read(_MOST).decode(errors="replace")
        except (OSError, ValueError):
            return ""
        at = said.rfind(_STACKS)
        return said[at:].partition("\n")[2] if at >= 0 else ""


class Pulse:
    """Gives signs, from a thread of its own, until it is closed.

    Without the lock of the interpreter no sign can be given, but stacks can be written down: a thread of C does it,
    unless it is told in time to wait for longer.

    Args:
        trial: Tune's id of what the worker works on.
        epochs: how many are done.
        allowed: seconds for which training may make no step.
    """

    def __init__(self, trial: str, epochs: Callable[[], int], allowed: Callable[[], float]) -> None:
        self._trial, self._epochs, self._allowed = trial, epochs, allowed
        context = ray.get_runtime_context()
        self._actor, self._node = context.get_actor_id() or "", context.get_node_id()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._give, name="study-pulse", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(SIGN_SECONDS)
        faulthandler.cancel_dump_traceback_later()

    def _give(self) -> None:
        for number in count(1):
            errors, written = _standard_error()
            sign = Sign(number, self._epochs(), self._actor, self._node, errors, written)
            if errors:
                faulthandler.dump_traceback_later(min(_DUMP_SHARE * self._allowed(), _LONGEST), file=_STDERR)
            with contextlib.suppress(Exception):  # Ray's head may be away: the next one is due soon
                _internal_kv_put(_key(self._trial), json.dumps(asdict(sign)), namespace=_NAMESPACE)
            if self._over.wait(SIGN_SECONDS):
                return


def sign_of(trial: str) -> Sign | None:
    """The newest sign of whoever works on it; None where there was none.

    Raises:
        Exception: Ray's head does not answer.
    """
    said = _internal_kv_get(_key(trial), namespace=_NAMESPACE)
    try:
        return Sign(**json.loads(said)) if said else None
    except (ValueError, TypeError):
        return None


def forget() -> None:
    """What was said to this driver is of no use any more."""
    with contextlib.suppress(Exception):
        _internal_kv_del(_key(""), del_by_prefix=True, namespace=_NAMESPACE)


def _key(trial: str) -> str:
    """The driver and its workers are one job of Ray's."""
    return f"{ray.get_runtime_context().get_job_id()}/{trial}"


def _standard_error() -> tuple[str, int]:
    """Ray has it go to a file on every node; what is open may be a terminal elsewhere."""
    try:
        file = Path(f"/proc/self/fd/{_STDERR}").readlink()
        return (str(file), os.fstat(_STDERR).st_size) if file.is_file() else ("", 0)
    except OSError:
        return "", 0
