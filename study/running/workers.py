"""The driver's view of its workers: where each is, what it said last, and what became of one that is gone."""

from __future__ import annotations

import contextlib
import pickle
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import ActorID
from ray._private.state import actors
from ray._private.worker import global_worker
from ray.exceptions import ActorDiedError, ActorUnavailableError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from study.config import LimitSettings
from study.directory import Checkpoints, StudyDirectory, stack_path
from study.running.faults import Fault, Loss
from study.running.pulse import Sign
from study.running.silence import Silence
from study.running.watchdog import WHYS, account

_NO_MEMORY = "running low on memory"
"""What Ray says of a worker that it has killed because the machine has no memory left."""

_NODE_DIED = "its node has died"

_SETTLE_SECONDS = 30.0
"""For Ray to find out what became of a worker that it cannot reach any more."""

_SAID = 4000
"""Characters of what Ray says about a lost worker that are kept as the reason; the last ones."""

_SETUP = LimitSettings(silent_minutes=10.0)
"""What a worker may take to its first sign: it imports what it needs, and reads no data before."""

_FETCH_SECONDS = 30.0
"""For the stacks of a worker on another node."""


@dataclass
class _Worker:
    """What is known of the worker of one of Tune's trials."""

    pack: str
    oom_kills: int
    node: str = ""
    fault: Fault | None = None
    hung: str = ""
    """What the driver has found when it ended it, because it was silent."""


class Workers:
    """Of one Tune run.

    Args:
        clock: seconds from anywhere; another one in tests.

    Attributes:
        trials: Tune's own.
    """

    def __init__(
        self, directory: StudyDirectory, limits: LimitSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._directory = directory
        self._workers: dict[str, _Worker] = {}
        self._silence, self._setup = Silence(limits, clock=clock), Silence(_SETUP, lambda actor: None, clock)
        self._stuck = dict[str, str]()
        """What the driver has found of actors that it ended before they had set up."""
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

    def look(self, running: Mapping[str, str], here: Callable[[str], bool]) -> None:
        """End the workers that give no sign of life any more, which Tune then takes for lost.

        Args:
            running: how far each of Tune's trials is, in words.
            here: whether a node is the driver's own.
        """
        trials = {trial.trial_id: trial for trial in self.trials if trial.trial_id in running}
        actors_of = {name: handle for name, trial in trials.items() if (handle := trial.temporary_state.ray_actor)}
        for name, sign, seconds in self._silence.look(running, actors_of):
            worker = self._workers[name]
            actor = actors_of[name]._actor_id.hex() if name in actors_of else sign.actor if sign else ""
            if worker.hung or not actor:
                continue
            stacks = _fetched(sign, here) if sign else ""
            worker.node = worker.node or (sign.node if sign else "")
            message = f"{worker.pack} gave no sign of life for {seconds / 60:.1f} min, {running[name]}"
            worker.hung = account(message, stacks) if stacks else f"{message}; it could not say where its threads are"
            with contextlib.suppress(OSError):
                self._directory.store.put(stack_path(worker.pack, "silent"), worker.hung.encode(), replace=True)
            _end(actor)
        self._look_at_setup(waiting=len(actors_of) < len(running))

    def _look_at_setup(self, waiting: bool) -> None:
        """The same for those that have yet to give their first sign. Nobody knows for which trial they are."""
        setting_up = _setting_up() - self._silence.heard if waiting else set()
        for actor, _, seconds in self._setup.look(setting_up, setting_up):
            if actor not in self._stuck:
                self._stuck[actor] = f"a worker did not set up within {seconds / 60:.1f} min; it was ended"
                _end(actor)

    def trouble(self, trial_id: str) -> Fault | Loss:
        """Why a worker is gone, by its own account or by Ray's."""
        worker = self._workers[trial_id]
        if worker.fault is not None:
            return worker.fault
        trial = next(trial for trial in reversed(self.trials) if trial.trial_id == trial_id)
        error = _error_of(trial)
        said = str(error or "Ray did not say why")
        died = error if isinstance(error, ActorDiedError) else None
        hung = worker.hung or self._stuck.pop(died.actor_id if died and died.actor_id else "", "")
        stack, overdue = (hung, False) if hung else self._stack(worker.pack)
        return Loss(
            reason=said[-_SAID:],
            node=worker.node or _node_of(died),
            node_died=_NODE_DIED in said or bool(died and died.preempted) or _left_with_its_node(error),
            started=not getattr(died, "_actor_init_failed", False),
            no_memory=_NO_MEMORY in said or oom_kills() > worker.oom_kills,
            stack=stack,
            overdue=overdue,
            saved=Checkpoints(self._directory.store, worker.pack).epochs(),
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


def _setting_up() -> set[str]:
    """The actors of this driver that have a process, but are not ready yet."""
    try:
        found = actors(job_id=global_worker.current_job_id, actor_state_name="PENDING_CREATION")
    except Exception:  # Ray's head is away: nobody is known to be silent
        return set()
    return {actor for actor, known in found.items() if known["Address"]["NodeID"].strip("f")}


def _end(actor: str) -> None:
    """As ray.kill does, but without a handle: Tune has none before the worker has set up.

    A process that is stopped is killed by its raylet, some seconds later.
    """
    global_worker.core_worker.kill_actor(ActorID.from_hex(actor), True)


def _fetched(sign: Sign, here: Callable[[str], bool]) -> str:
    """The stacks that a silent worker may have written, from its node."""
    if here(sign.node) or not sign.errors:
        return sign.stacks
    ask = ray.remote(num_cpus=0)(lambda: sign.stacks)
    placed = NodeAffinitySchedulingStrategy(sign.node, soft=False)
    try:
        return str(ray.get(ask.options(scheduling_strategy=placed).remote(), timeout=_FETCH_SECONDS))
    except Exception:  # the node is as silent as its worker
        return ""


def _left_with_its_node(error: Exception | None) -> bool:
    """Of a worker that cannot be reached: whether its node is gone, which Ray says only once that is certain.

    As long as nobody knows it is not the pack's fault either.
    """
    if not isinstance(error, ActorUnavailableError) or not error.actor_id:
        return False
    until = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < until:
        known = actors(error.actor_id)
        if known.get("State") == "DEAD":
            alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
            return _NODE_DIED in str(known["DeathCause"]) or known["Address"]["NodeID"] not in alive
        time.sleep(0.25)
    return True


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
