"""Runs a study: one Ray Tune run whose trials are packs, on a local Ray or an existing cluster."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray
from ray import tune
from ray.tune.search import Searcher

from study.config import StudyConfig
from study.progress import Monitor
from study.results import Manifest, StudyDirectory
from study.search import Search
from study.worker import StudyTrainable, failed_rows, publish

Listener = Callable[[Monitor], None]


def launch(
    config: StudyConfig, directory: StudyDirectory, listener: Listener = lambda monitor: None
) -> Monitor:
    """Runs or goes on with a study until its budget is spent or it is told to stop; returns where it stands then.

    Args:
        config: the study; where ``directory`` holds trials already, the configuration they were made with.
        directory: where everything lands. Packs that have a manifest and no result are trained first.
        listener: called whenever something may have changed, for the display.
    """
    monitor = Monitor(config)
    rows = directory.trials().to_pylist()
    monitor.found_on_disk(rows)
    with _ray(config) as workers, _stop_on_signals() as stop, tempfile.TemporaryDirectory() as scratch:
        search = Search(config, directory, layer_counts(config), workers)
        unfinished = search.rebuild(directory.manifests(), rows)
        searcher = PackSearcher(search, directory, monitor, unfinished)
        if not searcher.spent:
            tune.Tuner(
                tune.with_resources(StudyTrainable, _resources(config)),
                tune_config=tune.TuneConfig(
                    search_alg=searcher,
                    num_samples=-1,
                    max_concurrent_trials=workers,
                    reuse_actors=True,
                    trial_dirname_creator=lambda trial: trial.config["pack"],
                ),
                run_config=tune.RunConfig(
                    name="tune",
                    storage_path=scratch,
                    stop=_StopWhen(stop),
                    callbacks=[_Listen(monitor, listener)],
                    failure_config=tune.FailureConfig(max_failures=config.retries),
                    verbose=0,
                ),
            ).fit()
    monitor.interrupted = stop.is_set()
    listener(monitor)
    return monitor


class _OfThisProcess:
    """Tune pickles what it is given, to restore it elsewhere. That is never done here: the study directory is the truth."""

    def __reduce__(self) -> tuple[Any, ...]:
        return object, ()


class PackSearcher(_OfThisProcess, Searcher):  # type: ignore[misc]
    """Hands packs to Tune and their results to Optuna. A pack's manifest is on disk before its trial exists.

    Args:
        unfinished: manifests without results, to be trained before anything new is asked.
    """

    def __init__(
        self, search: Search, directory: StudyDirectory, monitor: Monitor, unfinished: Sequence[Manifest] = ()
    ) -> None:
        super().__init__(metric="trials_done", mode="max")
        self.search, self.directory, self.monitor = search, directory, monitor
        self.unfinished = deque(unfinished)
        self.running: dict[str, Manifest] = {}

    @property
    def spent(self) -> bool:
        return not self.unfinished and not any(self.search.remaining().values())

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """A pack's config; None while the next one has to wait for results; FINISHED when there is none to come."""
        manifest = self.unfinished.popleft() if self.unfinished else self.search.ask()
        if manifest is None:
            return None if any(self.search.remaining().values()) else Searcher.FINISHED
        self.directory.write_manifest(manifest)
        self.running[trial_id] = manifest
        self.monitor.started(manifest)
        return {"study": self.directory.path(), "pack": manifest["pack"]}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        manifest = self.running.pop(trial_id)
        pack, method = manifest["pack"], manifest["method"]
        if error:
            rows = failed_rows(manifest, f"its worker was lost {self.monitor.config.retries + 1} times")
            publish(self.directory, self.monitor.config.name, manifest, rows, [])
        elif not (result or {}).get("done"):
            self.monitor.stopped(pack)  # it goes on when the study is resumed
            return
        rows = self.directory.rows(pack, method)
        self.search.tell(manifest, rows)
        self.monitor.finished(pack, rows)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study directory is the truth."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: `launch` reads the study directory."""


class _Listen(_OfThisProcess, tune.Callback):  # type: ignore[misc]
    def __init__(self, monitor: Monitor, listener: Listener) -> None:
        self.monitor, self.listener = monitor, listener

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        self.listener(self.monitor)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if "epochs_done" in result:
            self.monitor.advanced(trial.config["pack"], result["epochs_done"] / result["epochs_total"])


class _StopWhen(_OfThisProcess, tune.Stopper):  # type: ignore[misc]
    def __init__(self, event: threading.Event) -> None:
        self.event = event

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self.event.is_set()


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """SIGINT and SIGTERM end the run cleanly; a second one ends it at once."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, frame: Any) -> None:
        event.set()
        signal.signal(number, before[signal.Signals(number)])

    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"
    for number in before:
        signal.signal(number, stop)
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _ray(config: StudyConfig) -> Iterator[int]:
    """A running Ray: the caller's, the cluster at ``resources.address``, or one of our own; yields the packs at once."""
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"  # else three files for every Tune trial
    os.environ["RAY_AIR_NEW_OUTPUT"] = (
        "0"  # the new output prints headers and error tables whatever the verbosity
    )
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    resources = config.resources
    ours = not ray.is_initialized()
    if ours:
        ray.init(
            address=resources.address,
            include_dashboard=None if resources.address else False,
            log_to_driver=False,
            logging_level="ERROR",
        )
    try:
        available = ray.cluster_resources()
        fits = [
            int(available.get(name, 0) // need)
            for name, need in (("CPU", resources.cpus_per_worker), ("GPU", resources.gpus_per_worker))
            if need
        ]
        yield max(1, min(fits) if resources.workers == "auto" else resources.workers)
    finally:
        if ours:
            ray.shutdown()


def _resources(config: StudyConfig) -> dict[str, float]:
    return {"cpu": config.resources.cpus_per_worker, "gpu": config.resources.gpus_per_worker}


def layer_counts(config: StudyConfig) -> dict[str, int]:
    """How many entries a per-layer parameter of each method has.

    Loads the data and builds the model, so that what is wrong with them is said before anything starts.

    Raises:
        ValueError: data, model or a search space do not fit.
    """
    from search_spaces import validate
    from trainables.methods import METHODS, Setting
    from trainables.problem import problem

    found = problem(config.data_options(), config.model_options(), config.seed)
    setting = Setting(len(found.dataset.train), 1, config.epochs - config.polish, config.epochs)
    layers = {name: len(METHODS[name](found.graph, setting).layers) for name in config.methods}
    for name, method in config.methods.items():
        validate(name, method.space, layers[name])
    return layers
