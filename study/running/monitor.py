"""Where a running study stands: what is finished, what trains, how fast it goes, how long it will take."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from study.config import StudyConfig
from study.directory import Manifest
from study.running.ending import Ending
from study.running.tally import Tally

Row = Mapping[str, Any]


@dataclass
class Running:
    """A pack in training, as of its worker's newest report.

    ``fraction``: of its epochs that are done, ``part`` for the one under way; ``gained``: how much of ``fraction`` in
    the ``seconds`` that its worker has had it, which may have gone on from a checkpoint. ``epoch``: of the trials that
    train at the moment, ``together`` of them. ``since``, ``reported``, ``grown`` (when it came further): seconds of the
    monitor's clock.
    """

    pack: str
    method: str
    trials: int
    since: float
    reported: float
    grown: float
    fraction: float = 0.0
    part: float = 0.0
    gained: float = 0.0
    seconds: float = 0.0
    epoch: int = 0
    epochs: int = 0
    finished: int = 0
    together: int = 0
    share: float = 1.0
    """Of all epochs, those that it has."""

    def fraction_at(self, now: float) -> float:
        """What is done, and what follows from its speed since the report: less than one epoch more."""
        done, gained = self.fraction + self.part, self.gained + self.part
        if not (gained and self.seconds and self.epochs):
            return done
        guess = gained / self.seconds * (now - self.reported)
        return min(done + min(guess, 0.9 / self.epochs), 1.0)


class Monitor:
    """What is finished and running, per method; speeds count what this process has seen, not what it found on disk.

    Args:
        clock: seconds from anywhere; another one in tests.
    """

    def __init__(self, config: StudyConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self.config = config
        self.tallies: dict[str, Tally] = {name: Tally(config.objectives) for name in config.methods}
        self.running: dict[str, Running] = {}
        self.ending = Ending()
        self.warnings: list[str] = []
        self.record: Callable[[str, str], None] = lambda kind, message: None
        """Takes down what happens: its kind, and a line about it."""
        self.found: int | None = None
        self.lacking = ""
        """What workers wait for before they can start."""
        self._clock = clock
        self._began = clock()
        self._spent = dict.fromkeys(config.methods, 0.0)
        """Seconds of workers on finished packs, by method."""
        self._lost = dict.fromkeys(config.methods, 0.0)
        """The same, of workers that packs have lost."""
        self._trained = dict.fromkeys(config.methods, 0.0)
        """Trials that were trained in them; parts of trials where packs went on from checkpoints."""
        self._under_way = dict.fromkeys(config.methods, 0.0)
        """Trained parts of trials that are not finished, and in no pack in training."""
        self._most_at_once = 1

    def found_on_disk(self, rows: Iterable[Row]) -> None:
        """Start from these; what is running is to be trained again."""
        self.running.clear()
        self.tallies = {name: Tally(self.config.objectives) for name in self.config.methods}
        self._add(rows)
        if self.found is None:
            self.found = self.trials_finished

    def warn(self, warning: str) -> None:
        """Something to be told at the end, once."""
        if warning not in self.warnings:
            self.warnings.append(warning)
            self.record("warning", warning)

    def started(self, manifest: Manifest) -> None:
        now = self._clock()
        self.running[manifest["pack"]] = Running(
            manifest["pack"], manifest["method"], len(manifest["trials"]), now, now, now, share=self._share(manifest)
        )
        self._most_at_once = max(self._most_at_once, len(self.running))

    def advanced(self, pack: str, report: Mapping[str, Any]) -> None:
        """A worker's report, see `Training.report`."""
        if (running := self.running.get(pack)) is not None:
            running.reported = self._clock()
            if (report["fraction"], report["part"]) != (running.fraction, running.part):
                running.grown = running.reported
            for name in ("fraction", "part", "gained", "seconds", "epoch", "epochs", "together"):
                setattr(running, name, report[name])
            running.finished = report["trials_done"]

    def finished(self, pack: str, rows: Iterable[Row]) -> None:
        running = self.running.pop(pack, None)
        if running is not None:
            self._spent[running.method] += running.seconds
            self._trained[running.method] += running.trials * running.gained
        rows = list(rows)
        for row in rows:
            method = row["method"]
            self._under_way[method] = max(0.0, self._under_way[method] - self._share_of(row))
        self._add(rows)
        self._record(pack, rows)

    def _add(self, rows: Iterable[Row]) -> None:
        by_method: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            by_method[row["method"]].append(row)
        for method, own in by_method.items():
            self.tallies[method].add(own)

    def _record(self, pack: str, rows: Sequence[Row]) -> None:
        failed = [row for row in rows if row["status"] not in ("COMPLETE", "STOPPED")]
        stopped = sum(row["status"] == "STOPPED" for row in rows)
        said = [f"{len(rows)} trials", f"{stopped} stopped" * bool(stopped), f"{len(failed)} failed" * bool(failed)]
        self.record("finished", f"{pack}: {', '.join(filter(None, said))}")
        for reason in dict.fromkeys(str(row.get("reason") or row["status"]).strip() for row in failed):
            self.record("failed", f"{pack}: {reason.splitlines()[-1]}")

    def came_to(self, manifest: Manifest, lanes: int) -> None:
        """A pack or segment of a study that stops trials early is over; whether its trials are, `finished` says."""
        pack, method = manifest["pack"], manifest["method"]
        share = self._share(manifest)
        running = self.running.pop(pack, None)
        if running is not None:
            self._spent[method] += running.seconds
            self._trained[method] += running.trials * running.gained * share
        self._under_way[method] += lanes * share
        self.record("segment", f"{pack}: {lanes} lanes, to epoch {manifest.get('until', self.config.epochs)}")

    def _share_of(self, row: Row) -> float:
        """Of all epochs, those that a trial has; a point of a path counts as a whole."""
        if self.config.path_of(row["method"]) is not None:
            return float(row["status"] != "STOPPED")
        return float(row.get("epochs") or 0) / self.config.epochs

    def _share(self, manifest: Manifest) -> float:
        """Of all epochs of its trials, those that a pack or segment has; of points of paths, those that it comes to."""
        path, until = self.config.path_of(manifest["method"]), manifest.get("until", math.inf)
        if path is not None:
            first = self.config.epochs - self.config.polish
            places = [len(spec.get("path", ())) for spec in manifest["trials"]]
            return sum(first + place * path.epochs <= until for place in places) / len(places)
        return (manifest.get("until", self.config.epochs) - manifest.get("start", 0)) / self.config.epochs

    def stopped(self, pack: str) -> None:
        running = self.running.pop(pack, None)
        if running is not None:
            self._lost[running.method] += running.seconds

    def progress(self) -> dict[str, dict[str, float]]:
        """Of the packs in training: the fraction, and when it last grew in seconds since 1970."""
        offset = time.time() - self._clock()
        return {
            pack: {"fraction": running.fraction + running.part, "since": running.grown + offset}
            for pack, running in self.running.items()
        }

    @property
    def trials_finished(self) -> int:
        return sum(tally.finished for tally in self.tallies.values())

    @property
    def trials_failed(self) -> int:
        return sum(tally.failed for tally in self.tallies.values())

    @property
    def trials_total(self) -> int:
        return sum(self.budget(name) for name in self.tallies)

    @property
    def over(self) -> bool:
        """Whether the budget is spent."""
        return not self.running and self.trials_finished >= self.trials_total

    def now(self) -> float:
        """Seconds of the clock that `Running` names."""
        return self._clock()

    @property
    def elapsed(self) -> float:
        """Seconds."""
        return self._clock() - self._began

    @property
    def fraction(self) -> float:
        """Of all epochs of the study that are done."""
        done = sum(self.trials_done(method) for method in self.tallies)
        return done / self.trials_total if self.trials_total else 1.0

    def budget(self, method: str) -> int:
        """Trials that the method gets, repetitions counted."""
        return self.config.budget(method)

    def running_trials(self, method: str) -> int:
        return sum(running.trials for running in self.running.values() if running.method == method)

    def trials_done(self, method: str) -> float:
        """Finished ones, and the finished parts of those in training."""
        now = self._clock()
        partly = sum(
            one.trials * one.share * one.fraction_at(now) for one in self.running.values() if one.method == method
        )
        return min(self.tallies[method].finished + self._under_way[method] + partly, self.budget(method))

    def worker_seconds(self, method: str) -> float:
        """What a method has cost since the start: of all workers, those that were lost and what trains included."""
        training = sum(running.seconds for running in self.running.values() if running.method == method)
        return self._spent[method] + self._lost[method] + training

    def trials_per_second(self) -> float:
        """Finished since the start, with the finished parts of what is running."""
        done = sum(self.trials_done(method) for method in self.tallies)
        return (done - (self.found or 0)) / max(self.elapsed, 1e-9)

    def seconds_left(self) -> float | None:
        """By what a trial of each method has cost its worker so far, and how many workers there were; None at first.

        Stable, because methods that come late do not change it by their speed once each has been seen.
        """
        spent, trained = self._spent.copy(), self._trained.copy()
        for one in self.running.values():
            spent[one.method] += one.seconds
            trained[one.method] += one.trials * (one.gained + one.part)
        costs = {method: spent[method] / trained[method] for method in self.tallies if trained[method]}
        if not costs:
            return None
        usual = sum(costs.values()) / len(costs)
        left = {method: self.budget(method) - self.trials_done(method) for method in self.tallies}
        return sum(left[method] * costs.get(method, usual) for method in left) / self._most_at_once

    def best(self, method: str, objective: str) -> float | None:
        """The best value of an objective among the complete trials of a method."""
        return self.tallies[method].best.get(objective)
