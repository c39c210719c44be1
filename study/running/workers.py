"""The driver's view of its workers: where each is, what it said last, and what became of one that is gone."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray._private.state import actors
from ray.exceptions import ActorDiedError

from study.directory import StudyDirectory, stack_path
from study.running.faults import Fault, Loss
from study.running.watchdog import WHYS

_NO_MEMORY = "running low on memory"
"""What Ray says of a worker that it has killed because the machine has no memory left."""

_NODE_DIED = "its node has died"

_SAID = 4000
"""Characters of what Ray says about a lost worker that are kept as the reason; the last ones."""


@dataclass
class _Worker:
    """What is known of the worker of one of Tune's trials."""

    pack: str
    oom_kills: int
    node: str = ""
    fault: Fault | None = None


class Workers:
    """Of one Tune run.

    Attributes:
        trials: Tune's own.
    """

    def __init__(self, directory: StudyDirectory) -> None:
        self._directory = directory
        self._workers: dict[str, _Worker] = {}
        self.trials: list[Any] = []

    def begins(self, trial_id: str, pack: str) -> None:
        """A pack is handed to Tune."""
        for why in WHYS:
            self._directory.store.remove(stack_path(pack, why))
        self._workers[trial_id] = _Worker(pack, oom_kills())

    def reports(self, trial_id: str, result: dict[str, Any]) -> None:
        """A worker says how far it is, or what is wrong."""
        worker = self._workers[trial_id]
        worker.node = result["node"]
        if "fault" in result:
            worker.fault = Fault(result["fault"], result["reason"], result["node"])

    def trouble(self, trial_id: str) -> Fault | Loss:
        """Why a worker is gone, by its own account or by Ray's."""
        worker = self._workers[trial_id]
        if worker.fault is not None:
            return worker.fault
        trial = next(trial for trial in reversed(self.trials) if trial.trial_id == trial_id)
        error = _error_of(trial)
        said = str(error or "Ray did not say why")
        died = error if isinstance(error, ActorDiedError) else None
        stack, overdue = self._stack(worker.pack)
        return Loss(
            reason=said[-_SAID:],
            node=worker.node or _node_of(died),
            node_died=_NODE_DIED in said or bool(died and died.preempted),
            started=not getattr(died, "_actor_init_failed", False),
            no_memory=_NO_MEMORY in said or oom_kills() > worker.oom_kills,
            stack=stack,
            overdue=overdue,
        )

    def _stack(self, pack: str) -> tuple[str, bool]:
        """What its watchdog has left behind, if it was the watchdog that ended it."""
        store = self._directory.store
        for why in WHYS:
            if store.exists(path := stack_path(pack, why)):
                return store.get(path).decode(errors="replace"), why == "overdue"
        return "", False


def _error_of(trial: Any) -> Exception | None:
    """What Tune has written down in its own folder; its own reader looks where the run is stored in the end."""
    file = trial.pickled_error_file
    return pickle.loads(Path(file).read_bytes()) if file and Path(file).exists() else None


def _node_of(error: ActorDiedError | None) -> str:
    """Where an actor was that died before it said so itself; Ray's public interface to that needs its dashboard."""
    if error is None or not error.actor_id:
        return ""
    return str(actors(error.actor_id).get("Address", {}).get("NodeID", ""))


def oom_kills() -> int:
    """Processes that the kernel has killed on this machine because it had no memory left."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
