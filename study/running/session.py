"""A running Ray: the caller's, the cluster at an address, or one of our own; and whether it still runs."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import ray

from study.config import ResourceSettings
from study.running.nodes import room
from study.running.own_ray import is_own, small_and_private

_HERE = "local"
_FEW_CORES = 16
_PROBE_SECONDS = 0.5
_OURS_LOST_SECONDS = 1.0
_CLUSTER_LOST_SECONDS = 40.0
"""Ray itself ends our process, without a word, once the head of its cluster is away for 60 s."""

_TUNE = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # else three files for every Tune trial
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_MAX_PENDING_TRIALS_PG": "1000",  # else one at a time; how many packs there are `PackSearcher` decides
    "TUNE_GLOBAL_CHECKPOINT_S": "1e9",  # it grows with every trial, and nobody restores it
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output prints headers and error tables whatever the verbosity
}


class RayLost(BaseException):
    """Ray's head or this machine's raylet is gone, or never came. No Exception: Tune must not tidy up with it."""


class Session:
    """A connection to Ray. `check` says when it is lost, which Ray's own calls do by waiting for ever.

    Args:
        patience: seconds for which its processes may be silent.
        at_an_address: it is a cluster, to which nodes may come.
        ours: this process has started it, on this machine, and ends it.
    """

    def __init__(self, patience: float, at_an_address: bool = False, ours: bool = False) -> None:
        self._patience, self._at_an_address, self.ours = patience, at_an_address, ours
        self._addresses = _addresses()
        self._node = ray.get_runtime_context().get_node_id()
        self._silent_since: float | None = None
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="study-ray-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def alive(self) -> bool:
        """Whether its processes answer at this moment."""
        return all(map(_answers, self._addresses))

    def check(self) -> None:
        """Raises RayLost once they have been silent for too long."""
        if self._lost.is_set():
            raise RayLost("Ray's own processes died")

    def here(self, node: str) -> bool:
        """Whether a node is the driver's own, by Ray's id."""
        return bool(node == self._node)

    def elsewhere(self) -> bool:
        """Whether packs may train on other nodes than the driver's."""
        return self._at_an_address or any(node["Alive"] and not self.here(node["NodeID"]) for node in ray.nodes())

    def workers(self, resources: ResourceSettings) -> int:
        """How many packs can train at once: what is asked for, or what the cluster has room for at this moment."""
        return max(1, room(resources)) if resources.workers == "auto" else resources.workers

    def _watch(self) -> None:
        while not self._stop.wait(_PROBE_SECONDS):
            now = time.monotonic()
            if self.alive():
                self._silent_since = None
                continue
            self._silent_since = self._silent_since or now
            if now - self._silent_since >= self._patience:
                self._lost.set()


@contextmanager
def session(resources: ResourceSettings, meanwhile: Callable[[], object] = lambda: None) -> Iterator[Session]:
    """Ray for a study. What was running before, and every cluster, goes on running after.

    Args:
        meanwhile: called while the processes of a Ray of our own start, or not at all.

    Raises:
        RayLost: it did not start.
    """
    with _quiet_tune():
        yield from _session(resources, meanwhile)


@contextmanager
def _quiet_tune() -> Iterator[None]:
    """Tune as a study wants it; as it was for whoever calls it next in this process."""
    before = {name: os.environ.get(name) for name in _TUNE}
    log = logging.getLogger("ray.tune")
    level = log.level
    os.environ.update(_TUNE)
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def ray_ahead(resources: ResourceSettings, meanwhile: Callable[[], object]) -> Iterator[None]:
    """The Ray of the next `session`, if that would start one of its own: its processes start while ``meanwhile`` runs,
    which is called in any case, and once.

    Nothing is left of it where ``meanwhile`` raises. One that does not start is the session's to tell of.
    """
    called, failed = False, list[BaseException]()

    def once() -> None:
        nonlocal called
        called = True
        try:
            meanwhile()
        except BaseException as error:  # Ray's clients end a process whose Ray has gone without a goodbye
            failed.append(error)

    try:
        if not ray.is_initialized() and _address(resources) == _HERE:
            _start(resources, once)
    except Exception:
        ray.shutdown()
    if failed:
        if is_own():
            ray.shutdown()
        raise failed[0]
    if not called:
        meanwhile()
    try:
        yield
    finally:
        if is_own():
            ray.shutdown()


def _session(resources: ResourceSettings, meanwhile: Callable[[], object]) -> Iterator[Session]:
    address = _address(resources)
    connected = ray.is_initialized() and not is_own()
    ours = not connected and address == _HERE
    try:
        if ours and not is_own():
            _start(resources, meanwhile)
        elif not connected and not ours:
            _connect(address)
        patience = _OURS_LOST_SECONDS if ours else _CLUSTER_LOST_SECONDS
        opened = Session(patience, at_an_address=not connected and not ours, ours=ours)
    except Exception as error:
        if ours:
            ray.shutdown()
            raise RayLost(f"Ray did not start ({error})") from error
        raise
    try:
        with opened:
            yield opened
    finally:
        if not connected:
            ray.shutdown()


def _address(resources: ResourceSettings) -> str:
    return resources.address or os.environ.get("RAY_ADDRESS") or _HERE


def _start(resources: ResourceSettings, meanwhile: Callable[[], object]) -> None:
    """A Ray of our own."""
    ready = {"_system_config": {"preload_python_modules": ["study.running.waiting"]}} if _most_train(resources) else {}
    with small_and_private(meanwhile):
        _connect(_HERE, include_dashboard=False, **ready)


def _most_train(resources: ResourceSettings) -> bool:
    """Whether what all processes import that Ray starts, one for each core, is not in vain and does not fill memory.

    Where packs train on GPUs a process imports torch when it knows which of them it has.
    """
    if resources.gpus_per_worker:
        return False
    cores = os.cpu_count() or 1
    room = cores / resources.cpus_per_worker
    packs = room if resources.workers == "auto" else min(room, resources.workers)
    return cores <= _FEW_CORES or packs >= cores / 2


def _connect(address: str, **options: Any) -> None:
    ray.init(address=address, log_to_driver=False, logging_level="ERROR", **options)


def _addresses() -> list[tuple[str, int]]:
    """Where the head and the raylet of this process listen."""
    context = ray.get_runtime_context()
    here = context.get_node_id()
    node = next(node for node in ray.nodes() if node["NodeID"] == here)
    host, _, port = context.gcs_address.rpartition(":")
    return [(host, int(port)), (node["NodeManagerAddress"], int(node["NodeManagerPort"]))]


def _answers(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=5):
            return True
    except TimeoutError:
        return True  # a machine under load is not a dead one
    except OSError:
        return False
