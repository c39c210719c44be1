"""A running Ray: the caller's, the cluster at an address, or one of our own; and whether it still runs."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Self

import ray

from study.config import ResourceSettings
from study.running.nodes import room
from study.running.own_ray import small_and_private

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


def _session(resources: ResourceSettings, meanwhile: Callable[[], object]) -> Iterator[Session]:
    connected = ray.is_initialized()
    address = resources.address or os.environ.get("RAY_ADDRESS") or "local"
    ours = not connected and address == "local"
    try:
        if not connected:
            with small_and_private(meanwhile) if ours else nullcontext():
                ray.init(
                    address=address,
                    include_dashboard=False if ours else None,
                    log_to_driver=False,
                    logging_level="ERROR",
                )
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
