"""What Ray Tune is given: a searcher that hands out packs, a callback that watches them, a stopper."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ray import tune
from ray.tune.result import EXPR_ERROR_FILE
from ray.tune.search import Searcher

from study.config import recipe_of
from study.directory import Lock, Manifest, StudyDirectory
from study.running.ending import Ending
from study.running.monitor import Monitor
from study.running.networks import Keeper
from study.running.session import Session
from study.running.training import failed_rows, publish
from study.search import Search
from trainables.own_code import trusted

_FINISHED: str = Searcher.FINISHED
_NO_MEMORY = "running low on memory"
"""What Ray says of a worker that it has killed because the machine has no memory left."""

_STUCK = 3
"""Workers lost in turn at the same point after which a pack is taken for too large; two may be chance."""

_SAID = 4000
"""Characters of what Ray says about a lost worker that are kept as the reason; the last ones."""


class _OfThisProcess:
    """Tune pickles what it is given, to restore it elsewhere; here it never is: the study directory is the truth."""

    def __reduce__(self) -> tuple[Any, ...]:
        return object, ()


class PackSearcher(_OfThisProcess, Searcher):  # type: ignore[misc]  # Ray is untyped
    """Hands packs to Tune and their results to Optuna. A pack's manifest is on disk before its trial exists.

    Args:
        unfinished: manifests without results, to be trained before anything new is asked.
        in_turn: the trials of a pack train one after the other, whatever a worker would choose.
        versions: of all that the trials' numbers depend on beside the configuration.
    """

    def __init__(
        self,
        search: Search,
        directory: StudyDirectory,
        monitor: Monitor,
        session: Session,
        keeper: Keeper,
        unfinished: Sequence[Manifest] = (),
        in_turn: bool = False,
        versions: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(metric="trials_done", mode="max")
        self.search, self.directory, self.monitor = search, directory, monitor
        self.session, self.keeper = session, keeper
        self.unfinished = deque(unfinished)
        self.in_turn, self.versions = in_turn, dict(versions)
        self.running: dict[str, Manifest] = {}
        self.errors: dict[str, Path] = {}
        """Where Tune writes down why a pack lost its workers; by Tune's trial, as above."""

    @property
    def spent(self) -> bool:
        return not self.unfinished and not any(self.search.remaining().values())

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """A pack's config; None while the next one has to wait for results; FINISHED when there is none to come."""
        if self.monitor.ending:
            return _FINISHED
        with self._guarded():
            manifest = self.unfinished.popleft() if self.unfinished else self._ask()
            if manifest is None:
                return None if any(self.search.remaining().values()) else _FINISHED
            self.directory.write_manifest(manifest)
            self.running[trial_id] = manifest
            self.monitor.started(manifest)
            return {"directory": self.directory.location, "pack": manifest["pack"], "modules": trusted()}
        return _FINISHED

    def _ask(self) -> Manifest | None:
        manifest = self.search.ask()
        if manifest is not None:
            manifest = {**manifest, "versions": self.versions}
            manifest["recipe"] = recipe_of(self.monitor.config, manifest["method"])
            if self.in_turn:
                manifest["vectorize"] = "off"
        return manifest

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        manifest = self.running.pop(trial_id)
        pack, method = manifest["pack"], manifest["method"]
        with self._guarded():
            if error and self.session.alive():
                rows = failed_rows(manifest, self._lost(trial_id))
                publish(self.directory, self.monitor.config.name, manifest, rows, [])
            elif error or not (result or {}).get("done"):
                self.monitor.stopped(pack)  # it goes on when the study is resumed
                return
            rows = self.directory.rows(pack, method)
            self.search.tell(manifest, rows)
            self.keeper.update(rows)
            self.monitor.finished(pack, rows)

    def _lost(self, trial_id: str) -> str:
        error = self.errors.get(trial_id)
        said = error.read_text()[-_SAID:] if error and error.exists() else "Ray did not say why"
        return f"its worker was lost {self.monitor.config.retries + 1} times; at last:\n{said}"

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """What the study directory refuses ends the run."""
        try:
            yield
        except OSError as error:
            self.monitor.ending.give(unusable(self.directory, f"{type(error).__name__}: {error}"))

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study directory is the truth."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: `launch` reads the study directory."""


class Listen(_OfThisProcess, tune.Callback):  # type: ignore[misc]  # Ray is untyped
    """Passes what Tune reports to the monitor, and looks whether Ray is there at all."""

    def __init__(self, searcher: PackSearcher, listener: Callable[[Monitor], None]) -> None:
        self.searcher, self.monitor, self.listener = searcher, searcher.monitor, listener
        self.lost_at: dict[str, tuple[float, int]] = {}
        """How far a pack was when it lost its worker, and how often it did there; by Tune's trial."""
        self.oom_kills = oom_kills()

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        self.searcher.session.check()
        self.listener(self.monitor)

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._error_of(trial)

    def _error_of(self, trial: Any) -> Path:
        return self.searcher.errors.setdefault(trial.trial_id, Path(trial.local_path) / EXPR_ERROR_FILE)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if "broken" in result:
            self.monitor.ending.give(unusable(self.searcher.directory, result["broken"]))
            return
        self.monitor.advanced(trial.config["pack"], result)
        for damaged in result["damaged"]:
            self.monitor.warn(damaged)
        trial.config["halvings"] = result["halvings"]

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A worker was lost. Half the pack is next if memory was short, or if three in turn got no further."""
        fraction, kills = trial.last_result.get("fraction", 0.0), oom_kills()
        at, times = self.lost_at.get(trial.trial_id, (fraction, 0))
        times = times + 1 if at == fraction else 1
        if _NO_MEMORY in self._error_of(trial).read_text() or kills > self.oom_kills or times >= _STUCK:
            trial.config["halvings"] = trial.config.get("halvings", 0) + 1
            times = 0
        self.lost_at[trial.trial_id], self.oom_kills = (fraction, times), kills


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


def unusable(directory: StudyDirectory, why: str) -> str:
    """The one message about a study directory that cannot be written or read."""
    return f"{directory.path()} cannot be used: {why}"


def oom_kills() -> int:
    """Processes that the kernel has killed on this machine because it had no memory left."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
