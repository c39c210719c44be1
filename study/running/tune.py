"""What Ray Tune is given: a searcher that hands out packs and where they may go, a callback that watches them, a
stopper."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from ray import tune
from ray.tune.search import Searcher
from ray.util.placement_group import NODE_ID_LABEL_KEY

from study.config import ResourceSettings, recipe_of
from study.directory import PROGRESS, Lock, Manifest, StudyDirectory
from study.running.ending import Ending
from study.running.faults import Fault, Loss, failed_alike
from study.running.gathering import Gathering
from study.running.loggers import Loggers
from study.running.monitor import Monitor
from study.running.networks import Keeper
from study.running.nodes import needs
from study.running.publishing import give_up
from study.running.pulse import forget
from study.running.recovery import Attempt, Recovery
from study.running.segments import conclude
from study.running.session import Session
from study.running.workers import Workers
from study.search import Search, StagedSearch
from trainables.own_code import trusted

_FINISHED: str = Searcher.FINISHED
_LOCAL_SECONDS, _REMOTE_SECONDS = 2.0, 5.0
"""Between two looks at the study directory and the workers."""


def placed(resources: ResourceSettings, config: Mapping[str, Any]) -> tune.PlacementGroupFactory:
    """What Tune is to reserve for a pack, and on which nodes it is not to do so: those in ``avoid``."""
    labels, avoided = dict(resources.labels), config["avoid"].split()
    if avoided:
        labels[NODE_ID_LABEL_KEY] = f"!in({','.join(avoided)})"
    selector = {"bundle_label_selector": [labels]} if labels else {}
    return tune.PlacementGroupFactory([needs(resources)], **selector)


class _OfThisProcess:
    """Tune pickles what it is given, to restore it elsewhere; here it never is: the study directory is the truth."""

    def __reduce__(self) -> tuple[Any, ...]:
        return object, ()


class PackSearcher(_OfThisProcess, Searcher):  # type: ignore[misc]  # Ray is untyped
    """Hands packs to Tune and their results to Optuna. A pack's manifest is on disk before its trial exists.

    A pack that lost its worker, or could not go on in it, is another trial of Tune's when it is tried again.

    Args:
        recovery: with the packs that are to be trained before anything new is asked.
        vectorize: "on" or "off" by method, where that is chosen for all of its packs.
        versions: of all that the trials' numbers depend on beside the configuration.
    """

    def __init__(
        self,
        search: Search,
        directory: StudyDirectory,
        monitor: Monitor,
        session: Session,
        keeper: Keeper,
        recovery: Recovery,
        loggers: Loggers,
        gathering: Gathering,
        vectorize: Mapping[str, str] = MappingProxyType({}),
        versions: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(metric="trials_done", mode="max")
        self.search, self.directory, self.monitor = search, directory, monitor
        self.session, self.keeper, self.recovery = session, keeper, recovery
        self.loggers, self.gathering = loggers, gathering
        self.vectorize, self.versions = dict(vectorize), dict(versions)
        self.running: dict[str, Attempt] = {}
        self.workers = Workers(directory, monitor.config.limits)
        self.most = session.workers(monitor.config.resources)
        """Packs in training at once; follows the cluster."""
        self._looked = float("-inf")
        self.while_idle: Callable[[], None] = self.session.check
        """What Tune would do between its steps."""

    @property
    def spent(self) -> bool:
        return not self.recovery.waiting and not any(self.search.remaining().values())

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """A pack's config; None while the next one has to wait; FINISHED when there is none to come.

        While nothing is running Tune does nothing but ask.
        """
        if not self.running:
            self.while_idle()
        if self.monitor.ending:
            return _FINISHED
        if len(self.running) >= self.most:
            return None
        with self._guarded():
            attempt = self.recovery.next() or self._ask()
            if attempt is None:
                return None if self.running or not self.spent else _FINISHED
            self.directory.write_manifest(attempt.manifest)
            self.workers.begins(trial_id, attempt.pack)
            self.running[trial_id] = attempt
            self.monitor.started(attempt.manifest)
            return {
                "pack": attempt.pack,
                "modules": trusted(),
                "try": attempt.tries,
                "halvings": attempt.halvings,
                "hurry": 2**attempt.losses,
                "avoid": " ".join(self.recovery.avoid(attempt)),
            }
        return _FINISHED

    def look(self) -> None:
        """Now and then: whether the study directory is still there, how far the packs are, for `study status`,
        whether their workers live, and how large the cluster is."""
        if time.monotonic() - self._looked > (_REMOTE_SECONDS if self.directory.local is None else _LOCAL_SECONDS):
            self._looked = time.monotonic()
            how_far = {trial: f"at {one.farthest:.0%} of its training" for trial, one in self.running.items()}
            self.workers.look(how_far, self.session.here)
            if self.session.alive():  # a head that is gone would be waited for
                self._follow(self.session.workers(self.monitor.config.resources))
            with self._guarded():
                self.directory.config()
                self.directory.store.put(PROGRESS, json.dumps(self.monitor.progress()).encode(), replace=True)

    def _follow(self, workers: int) -> None:
        """The cluster has grown or shrunk: as many packs at once as it has room for."""
        if workers != self.most:
            self.monitor.record("resized", f"{workers} packs at once, {self.most} before")
            self.most = workers
            self.search.workers = workers

    def close(self) -> None:
        """The run is over."""
        forget()
        with contextlib.suppress(OSError):
            self.directory.store.remove(PROGRESS)

    def _ask(self) -> Attempt | None:
        manifest = self.search.ask()
        if manifest is None:
            return None
        manifest = {**manifest, "versions": self.versions}
        manifest["recipe"] = recipe_of(self.monitor.config, manifest["method"])
        manifest["space"] = self.search.declared(manifest["method"])
        if manifest["method"] in self.vectorize:
            manifest["vectorize"] = self.vectorize[manifest["method"]]
        return Attempt(manifest, tries=1)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        attempt = self.running[trial_id]
        self.workers.reports(trial_id, result)
        if "fault" not in result:
            self._heard(attempt, result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        attempt = self.running.pop(trial_id)
        manifest = attempt.manifest
        pack, method = manifest["pack"], manifest["method"]
        with self._guarded():
            if error and self.session.alive() and not self.monitor.ending:
                self._recover(attempt, self.workers.trouble(trial_id))
            if not self._over(manifest) if error else not (result or {}).get("done"):
                self.monitor.stopped(pack)  # it goes on, in this run or in the next
                return
            if result is not None:
                self._heard(attempt, result)
            staged = isinstance(self.search, StagedSearch)
            rows = self.directory.segments.account(pack)[0] if staged else self.directory.rows(pack, method)
            self.search.tell(manifest, rows)
            if staged:
                self.monitor.came_to(manifest, len(rows))
                self.conclude()
            else:
                self._finished(manifest, rows)
            if not self.spent and (
                alike := failed_alike({name: tally.telling for name, tally in self.monitor.tallies.items()})
            ):
                why = f"the first packs of every method failed alike: {alike}"
                self.monitor.ending.give(why, then="" if staged else "retry")

    def _over(self, manifest: Manifest) -> bool:
        """Whether what a pack or segment came to is in the study directory."""
        over = self.directory.segments.over if "step" in manifest else self.directory.finished
        return manifest["pack"] in over()

    def _finished(self, manifest: Manifest, rows: list[dict[str, Any]]) -> None:
        """A pack has its results."""
        self.keeper.update(rows)
        self.loggers.update(rows)
        self.monitor.finished(manifest["pack"], rows)
        self.gathering.finished(manifest["pack"], manifest["method"])

    def conclude(self) -> None:
        """Where trials stop early: results of packs all of whose trials are over, by what is decided so far."""
        if isinstance(self.search, StagedSearch):
            for manifest, rows in conclude(self.directory, self.monitor.config.name, self.search):
                self._finished(manifest, rows)

    def _heard(self, attempt: Attempt, result: dict[str, Any]) -> None:
        self.monitor.advanced(attempt.pack, result)
        self.recovery.advanced(attempt, result["fraction"], result["halvings"], result["node"])
        for damaged in result["damaged"]:
            self.monitor.warn(damaged)

    def _recover(self, attempt: Attempt, trouble: Fault | Loss) -> None:
        if isinstance(trouble, Fault) and trouble.kind == "directory" and self.session.here(trouble.node):
            tell_unusable(self.monitor.ending, self.directory, trouble.brief)
        verdict = self.recovery.judge(attempt, trouble)
        if verdict.next == "failed":
            give_up(self.directory, self.monitor.config.name, attempt.manifest, verdict.reason)
        elif verdict.next == "stop":
            self.monitor.ending.give(verdict.reason)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """What the study directory refuses ends the run."""
        try:
            yield
        except OSError as error:
            tell_unusable(self.monitor.ending, self.directory, f"{type(error).__name__}: {error}")

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study directory is the truth."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: `launch` reads the study directory."""


class Listen(_OfThisProcess, tune.Callback):  # type: ignore[misc]  # Ray is untyped
    """Tells the display what has changed, looks whether Ray is there at all, and lets go of what Tune keeps."""

    def __init__(self, searcher: PackSearcher, listener: Callable[[Monitor], None]) -> None:
        self.searcher, self.listener = searcher, listener
        searcher.while_idle = self._look
        self._over: list[Any] = []

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        self.searcher.workers.trials = trials

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._over.append(trial)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._over.append(trial)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        for trial in self._over:  # else Tune keeps the statistics of every number that each has reported
            known = trial.run_metadata
            known.metric_analysis, known.metric_n_steps, known.last_result = {}, {}, {}
        self._over.clear()
        self._look()

    def _look(self) -> None:
        self.searcher.session.check()
        self.searcher.look()
        self.listener(self.searcher.monitor)


class StopWhen(_OfThisProcess, tune.Stopper):  # type: ignore[misc]  # Ray is untyped
    """Stops everything once there is a reason to end."""

    def __init__(self, ending: Ending, lock: Lock) -> None:
        self.ending, self.lock = ending, lock

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        if self.lock.lost.is_set():
            self.ending.give("another driver has taken over, while this one was suspended")
        return bool(self.ending)


def tell_unusable(ending: Ending, directory: StudyDirectory, why: str) -> None:
    """The one message about a study directory that cannot be written or read."""
    with contextlib.suppress(OSError):
        if not directory.exists():
            ending.give(f"{directory.path()} was removed while the study ran", then="")
    ending.give(f"{directory.path()} cannot be used: {why}")
