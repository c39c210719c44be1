"""Searches on digits by several ways to search, with one trainer: all of them step by step, and trained together.

What a trial comes to does not depend on who shares its stack. So the trials that all searches ask for at a moment train
as stacks of up to 64 lanes, those of searches that ask for one trial at a time as well, each of which knows the results
of all its earlier trials when it asks. Nothing but the time that it takes depends on this.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import moocore
import numpy as np

import study
from study.config import StudyConfig, to_yaml
from study.directory import Manifest, StudyDirectory
from study.rehearsal import scales
from study.search import Search, StagedSearch
from trainables.training import Job, LaneState, Pack, Trial

TOGETHER = 64
"""Lanes in a stack."""

Row = dict[str, Any]


class Asha(StagedSearch):
    """Multi-objective ASHA's rule on our packs: a trial goes on from a rung if it is in the first third of all that
    came to it so far, itself included, sorted by fronts and within a front by an epsilon net, farthest first.

    Reference: Schmucker, Donini, Zafar, Salinas, Archambeau: Multi-objective asynchronous successive halving, 2021.
    """

    def rule(self) -> Callable[..., list[bool]]:
        return first_third


def first_third(
    values: Sequence[Sequence[float]],
    seen: Sequence[Sequence[float]],
    configurations: Sequence[Hashable] | None = None,
) -> list[bool]:
    """Of (accuracy, neurons), one after the other."""
    known, kept = [list(one) for one in seen], []
    for own in values:
        known.append(list(own))
        losses = np.array(known) * (-1.0, 1.0)
        kept.append(bool(np.isfinite(losses[-1]).all()) and _place(losses) / len(losses) <= 1 / 3)
    return kept


def _place(losses: Any) -> int:
    """Of the last point in the order of all, from 0."""
    finite = np.isfinite(losses).all(axis=1)
    ranks = np.full(len(losses), len(losses))
    ranks[finite] = moocore.pareto_rank(losses[finite])
    mine = ranks[-1]
    front = np.flatnonzero(ranks == mine)
    width = np.ptp(losses[front], axis=0)
    points = (losses[front] - losses[front].min(axis=0)) / np.where(width > 0, width, 1.0)
    order, left = [0], list(range(1, len(front)))
    while left:
        apart = [min(float(np.linalg.norm(points[i] - points[j])) for j in order) for i in left]
        order.append(left.pop(int(np.argmax(apart))))
    return int((ranks < mine).sum()) + order.index(len(front) - 1)


@dataclass(frozen=True)
class Side:
    """A way to search: settings of the digits preset, how many trials are asked for at once, whose rule stops them."""

    settings: tuple[str, ...]
    size: int = 8
    search: type[Search] | None = None
    paths: bool = False
    """Whether it asks for so many paths, of 8 trials; methods that follow none are asked for as many trials."""


WARM = "warm_start={epochs: 10, lr: 0.06}"
"""The rate is the geometric mean of the range that the preset searches, rounded."""

SIDES: Mapping[str, Side] = {
    "random, one at a time": Side(("sampler=random",), 1),
    "TPE, one at a time": Side(("sampler=tpe",), 1),
    "NSGA-II, one at a time": Side(("sampler=nsga2",), 1),
    "MO-ASHA, one at a time": Side(("sampler=random", "stopping={rungs: [1, 3, 9, 27]}"), 1, Asha),
    "stopping, one at a time": Side(("stopping=auto",), 1),
    "packs": Side(()),
    "packs, stopping": Side(("stopping=auto",)),
    "packs, warm start": Side((WARM,)),
    "packs, stopping, warm start": Side(("stopping=auto", WARM)),
    "packs, paths": Side(("path={lambda: 8, dn: 8}",), 1, paths=True),
}


@dataclass(frozen=True)
class Found:
    """What one search came to.

    ``better``: [epochs, accuracy, neurons] of each trial that none of the search's before it dominates, with the epochs
    that the search had trained by then; ``epochs``: in all; ``trials``: that ended, ``stopped`` of them early.
    """

    side: str
    method: str
    repeat: int
    epochs: int
    trials: int
    stopped: int
    better: list[list[float]]


class _Searching:
    """One search at work."""

    def __init__(self, side: str, method: str, repeat: int, epochs: int, folder: Path) -> None:
        self.side, self.method, self.repeat, self.epochs = side, method, repeat, epochs
        self.config = configuration(side, method, repeat, epochs)
        directory = StudyDirectory(folder / f"{list(SIDES).index(side)}-{repeat}")
        directory.create(to_yaml(self.config))
        kind = SIDES[side].search or (StagedSearch if self.config.staged else Search)
        self.search = kind(self.config, directory, scales(self.config))
        self.path = self.config.path_of(method)
        self.size = SIDES[side].size * (8 if SIDES[side].paths and self.path is None else 1)
        self.spent = self.trials = self.stopped = 0
        self.better: list[list[float]] = []
        self.states: dict[str, LaneState] = {}

    def ask(self) -> list[Manifest]:
        """All that is to be trained before it asks again; nothing once its epochs are spent."""
        found: list[Manifest] = []
        while self.spent < self.epochs and (manifest := self.search.ask(self.size)) is not None:
            found.append(manifest)
        return found

    def tell(self, manifest: Manifest, rows: Sequence[Row], states: Mapping[str, LaneState]) -> None:
        start, until = manifest.get("start", 0), manifest.get("until", self.config.epochs)
        specs = {spec["trial"]: spec for spec in manifest["trials"]}
        if self.path is not None:
            self.spent += sum(row["epochs"] - specs[row["trial"]].get("shared", 0) for row in rows)
        else:
            self.spent += (until - start) * len(rows)
        for row in rows:
            if row["trial"] in states and row["status"] == "STOPPED":
                row["state"] = f"{row['trial']}-{until}-0"
                self.states[row["state"]] = states[row["trial"]]
        self.search.tell(manifest, rows)
        over: Sequence[Mapping[str, Any]] = rows
        if isinstance(self.search, StagedSearch):
            over = [row for ended in self.search.ended() for row in ended.rows]
        self.trials += len(over)
        self.stopped += sum(row["status"] == "STOPPED" for row in over)
        for row in rows:
            if row["status"] == "COMPLETE" and row.get("val_accuracy") is not None:
                self._note(float(row["val_accuracy"]), float(row["neurons"]))

    def _note(self, accuracy: float, neurons: float) -> None:
        if not any(one[1] >= accuracy and one[2] <= neurons for one in self.better):
            self.better.append([self.spent, accuracy, neurons])

    def found(self) -> Found:
        return Found(self.side, self.method, self.repeat, self.spent, self.trials, self.stopped, self.better)


def configuration(side: str, method: str, repeat: int, epochs: int) -> StudyConfig:
    """Of the digits preset the one method; with more trials than the epochs are enough for."""
    budget = (f"seed={repeat}", "searches=1", f"pack.size={SIDES[side].size}", "evaluate_every=10")
    settings = (*budget, "keep_models=none", *SIDES[side].settings)
    config = study.load_config("digits", settings)
    trials = 8 * epochs // config.epochs
    own = config.methods[method].model_copy(update={"trials": trials})
    return config.model_copy(update={"methods": {method: own}, "trials": trials})


def searched(method: str, sides: Sequence[str], repeats: Sequence[int], epochs: int) -> list[Found]:
    """The searches of a method: each side's, with each of the repeats' seeds, until its epochs are spent."""
    with tempfile.TemporaryDirectory() as folder:
        running = [_Searching(side, method, repeat, epochs, Path(folder)) for side in sides for repeat in repeats]
        while asked := [(one, manifest) for one in running for manifest in one.ask()]:
            for one, manifest, rows, states in _trained(asked):
                one.tell(manifest, rows, states)
        return [one.found() for one in running]


def _trained(
    asked: Sequence[tuple[_Searching, Manifest]],
) -> list[tuple[_Searching, Manifest, list[Row], dict[str, LaneState]]]:
    """In the order in which they were asked for."""
    alike: dict[Hashable, list[int]] = defaultdict(list)
    for index, (one, manifest) in enumerate(asked):
        begin = one.config.warm_start.epochs if one.config.warm_start else 0
        alike[begin, one.path, manifest.get("start", 0), manifest.get("until")].append(index)
    rows: dict[int, list[Row]] = defaultdict(list)
    states: dict[int, dict[str, LaneState]] = defaultdict(dict)
    for indices in alike.values():
        lanes = [(index, place) for index in indices for place in range(len(asked[index][1]["trials"]))]
        for first in range(0, len(lanes), TOGETHER):
            for (index, place), row, state in _stack(asked, lanes[first : first + TOGETHER]):
                row["trial"] = asked[index][1]["trials"][place]["trial"]
                rows[index].append(row)
                if state is not None:
                    states[index][row["trial"]] = state
    return [(one, manifest, rows[index], states[index]) for index, (one, manifest) in enumerate(asked)]


def _stack(
    asked: Sequence[tuple[_Searching, Manifest]], lanes: Sequence[tuple[int, int]]
) -> list[tuple[tuple[int, int], Row, LaneState | None]]:
    """Lanes (manifest, place in it) of one kind, trained together on the split of the first repeat."""
    trials, begun = [], {}
    for number, (index, place) in enumerate(lanes):
        one, manifest = asked[index]
        spec = manifest["trials"][place]
        before = tuple(spec.get("path", ()))
        trials.append(Trial(f"{number:02d}", spec["seed"], spec["data_seed"], spec["parameters"], before))
        if "state" in spec and manifest.get("start"):
            begun[f"{number:02d}"] = one.states[spec["state"]]
    one, manifest = asked[lanes[0][0]]
    kept: dict[str, LaneState] = {}

    def leave(rows: Sequence[Row], states: Sequence[LaneState]) -> None:
        kept.update({row["trial"]: state for row, state in zip(rows, states, strict=True)})

    method = manifest["method"]
    job = Job(
        method=one.config.implementation(method),
        data=one.config.data_options(),
        model=one.config.model_options(),
        recipe=one.config.recipe(method),
        trials=tuple(trials),
        vectorize="on",
        start=manifest.get("start", 0),
        until=manifest.get("until"),
        path=(one.path.knob, one.path.epochs) if one.path else None,
    )
    pack = Pack(job, lanes=begun, leave=leave)
    while not pack.done:
        pack.train_epoch()
    found = {row["trial"]: row for row in pack.trial_rows()}
    names = [trial.trial for trial in trials]
    return [(lane, found[name], kept.get(name)) for lane, name in zip(lanes, names, strict=True)]
