"""What a study says to Prometheus, by Ray's own exporter: gauges of the driver, named ray_study_... there."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from study.config import StudyConfig
from study.running.monitor import Monitor
from study.running.tally import Volume, remembered

EVERY_SECONDS = 5.0

GAUGES = {
    "study_trials": ("Trials by state: complete, failed, training, waiting.", ("study", "method", "state")),
    "study_best": ("The best value of an objective among complete trials.", ("study", "method", "objective")),
    "study_hypervolume": ("Of the complete trials, against the dense network.", ("study", "method")),
    "study_packs_training": ("Packs that train at the moment, or wait for room.", ("study",)),
    "study_lanes_busy": ("Trials that train at the moment.", ("study",)),
    "study_epochs_per_second": ("Epochs of single trials, since the value before.", ("study",)),
    "study_worker_seconds": ("The cost: seconds that workers have had packs, in this run.", ("study", "method")),
    "study_seconds_left": ("Until the budget is spent, by what trials have cost so far.", ("study",)),
}
"""Names, what each is, and its labels; the Grafana dashboard draws these."""


class Metrics:
    """A listener of `launch` that keeps the gauges.

    Args:
        volume: the hypervolume of rows of trials, if it is to be told.
        clock: seconds from anywhere.
    """

    def __init__(
        self, config: StudyConfig, volume: Volume | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config, self._clock = config, clock
        self._volume = remembered(volume) if volume else None
        self._gauges: dict[str, Any] = {}
        self._told = float("-inf")
        self._done: float | None = None

    def __call__(self, monitor: Monitor) -> None:
        now = self._clock()
        ray = sys.modules.get("ray")  # where nobody has imported it, nothing runs on it
        if now - self._told < EVERY_SECONDS or ray is None or not ray.is_initialized():
            return
        from ray.util.metrics import Gauge

        for name, labels, value in self.values(monitor, now - self._told):
            if name not in self._gauges:
                said, keys = GAUGES[name]
                self._gauges[name] = Gauge(name, description=said, tag_keys=keys)
            self._gauges[name].set(value, tags=labels)
        self._told = now

    def values(self, monitor: Monitor, seconds: float) -> list[tuple[str, dict[str, str], float]]:
        """Every gauge: name, labels, value.

        Args:
            seconds: since the values before.
        """
        study = {"study": self._config.name}
        found: list[tuple[str, dict[str, str], float]] = []
        for method, tally in monitor.tallies.items():
            labels = study | {"method": method}
            training = monitor.running_trials(method)
            states = {
                "complete": tally.complete,
                "failed": tally.finished - tally.complete,
                "training": training,
                "waiting": max(0, monitor.budget(method) - tally.finished - training),
            }
            found += [("study_trials", labels | {"state": state}, count) for state, count in states.items()]
            for objective in self._config.objectives:
                if (best := monitor.best(method, objective)) is not None:
                    found.append(("study_best", labels | {"objective": objective}, best))
            found.append(("study_worker_seconds", labels, monitor.worker_seconds(method)))
            front = list(tally.front.values())
            if self._volume and (volume := self._volume(front, self._config.objectives)) is not None:
                found.append(("study_hypervolume", labels, volume))
        done = self._config.epochs * sum(map(monitor.trials_done, monitor.tallies))
        if self._done is not None:
            found.append(("study_epochs_per_second", study, max(0.0, done - self._done) / seconds))
        self._done = done
        found.append(("study_packs_training", study, len(monitor.running)))
        found.append(("study_lanes_busy", study, sum(running.together for running in monitor.running.values())))
        if (left := monitor.seconds_left()) is not None:
            found.append(("study_seconds_left", study, left))
        return found
