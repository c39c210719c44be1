"""A pack: the trials that one process trains, as one stack or as several, one after the other."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from trainables.compaction import cost, counted
from trainables.declarations import architecture
from trainables.groups import everything
from trainables.problem import Problem, problem
from trainables.recipe import Recipe
from trainables.training.answers import described, packed
from trainables.training.equivalence import Outcome, outcomes
from trainables.training.lanes import LaneState, put, take
from trainables.training.latency import add_latencies
from trainables.training.paths import Stage, stages
from trainables.training.stack import UNPRUNED, Leg, Stack, Trial
from trainables.training.stackable import stacked

Row = dict[str, Any]
Keep = Callable[[list[Row], list[Outcome | None]], None]
Leave = Callable[[list[Row], list[LaneState]], None]


@dataclass(frozen=True)
class Job:
    """Everything a worker needs to train a pack. ``vectorize`` and ``shrink`` are "auto", "on" or "off".

    A segment is from epoch ``start`` to epoch ``until``; to the end where that is None. With a ``path``, the name of a
    strength and the epochs from one of its values to the next, trials are points of paths (`training.paths`). With
    ``latency``, the arguments of `trainables.deploy.timed` and a ``batch``, compact networks are timed at their end.
    """

    method: str
    data: Mapping[str, Any]
    model: Mapping[str, Any]
    recipe: Recipe
    trials: tuple[Trial, ...]
    seed: int = 0
    vectorize: str = "auto"
    shrink: str = "auto"
    device: str = "auto"
    start: int = 0
    until: int | None = None
    path: tuple[str, int] | None = None
    latency: Mapping[str, Any] | None = None

    @property
    def end(self) -> int:
        """The epoch after which the pack is done."""
        return self.recipe.epochs if self.until is None else self.until


class Pack:
    """Trains a `Job`. `train_epoch` until `done`, then `trial_rows` and `curve_rows`.

    The trials of a pack are stacked where that pays; elsewhere each is a stack of its own and still saves the start-up.
    A finished stack leaves its rows behind and frees its tensors.

    Trials whose parameters are arguments of the network, too, are stacked with those of the same network. Where it
    cannot be built they fail, and the others train.

    Args:
        keep: called with the rows of each finished stack and what became of its networks, which are not kept otherwise.
        lanes: the states of all trials at epoch ``job.start``, by trial, if that is not 0.
        leave: called with the rows and states of each stack that has come to the end of a segment before the last one;
            its rows are those that the trials would end with.
    """

    def __init__(
        self,
        job: Job,
        keep: Keep = lambda rows, outcomes: None,
        lanes: Mapping[str, LaneState] = MappingProxyType({}),
        leave: Leave = lambda rows, states: None,
    ) -> None:
        self.job, self.keep, self.lanes, self.leave = job, keep, lanes, leave
        self.device = torch.device(_device(job.device))
        self._data_seeds = sorted({t.data_seed for t in job.trials})
        networks = _by_network(job.trials)
        self.stages = [stage for trials in networks for stage in self._stages_of(trials)] if job.path else []
        """Of paths; each leaves a part."""
        self.parts: list[Sequence[Trial]] = [stage.points for stage in self.stages]
        if not job.path:
            self.parts = [part for trials in networks for part in self._parts_of(trials)]
        self.trunk: dict[str, LaneState] = {}
        """The lanes of the paths in training, by name."""
        self.finished: list[tuple[list[Row], list[Row]]] = []
        self.stack = self._next_stack()

    def _parts_of(self, trials: Sequence[Trial]) -> list[Sequence[Trial]]:
        """Trials of one network, as they are stacked."""
        width = self._width(trials)
        return [trials[i : i + width] for i in range(0, len(trials), width)]

    def _width(self, trials: Sequence[Trial]) -> int:
        where = self._problem_of(trials) if len(trials) > 1 else ""
        together = isinstance(where, Problem) and stacked(self.job.vectorize, self.device, where)
        return len(trials) if together else 1

    def _stages_of(self, trials: Sequence[Trial]) -> list[Stage]:
        """Trials of one network, which are points of paths."""
        assert self.job.path is not None
        knob, every = self.job.path
        first = self.job.recipe.epochs - self.job.recipe.polish
        return stages(trials, knob, first, every, self._width(trials), self.job.start, self.job.until)

    def _problem_of(self, trials: Sequence[Trial]) -> Problem | str:
        """Of trials of one network; the traceback where their arguments make none."""
        own = architecture(trials[0].parameters)
        try:
            return problem(self.job.data, {**self.job.model, **own}, self.job.seed, self._data_seeds)
        except Exception as error:
            if not own or isinstance(error, OSError | ImportError | MemoryError):
                raise
            return "".join(traceback.format_exception(error))

    @property
    def problem(self) -> Problem:
        """That of the first trials."""
        found = self._problem_of(self.stages[0].trunk if self.stages else self.parts[0])
        assert isinstance(found, Problem), found
        return found

    @property
    def done(self) -> bool:
        return len(self.finished) == len(self.parts)

    @property
    def epochs_done(self) -> int:
        """Of ``epochs_total``, counting each stack once."""
        done = sum(map(self._epochs_of, range(len(self.finished))))
        if self.stack is None:
            return done
        begun = self._begun(self.stages[len(self.finished)]) if self.stages else self.job.start
        return done + self.stack.epoch - begun

    @property
    def epochs_total(self) -> int:
        return sum(map(self._epochs_of, range(len(self.parts))))

    def _epochs_of(self, part: int) -> int:
        if not self.stages:
            return self.job.end - self.job.start
        stage = self.stages[part]
        return stage.at - self._begun(stage) + (self.job.recipe.polish if stage.points else 0)

    def _begun(self, stage: Stage) -> int:
        """The epoch from which a stage's lanes train on."""
        assert self.job.path is not None
        return stage.at - self.job.path[1] if stage.index else self.job.start

    def _is_first(self, stage: Stage) -> bool:
        """Of its paths, here."""
        return self._begun(stage) == self.job.start

    @property
    def trials_done(self) -> int:
        return sum(len(rows) for rows, _ in self.finished)

    @property
    def part(self) -> float:
        """Of the epoch under way that is done, in [0, 1)."""
        return self.stack.part if self.stack else 0.0

    def train_epoch(self) -> None:
        for _ in self.steps_of_epoch():
            pass

    def steps_of_epoch(self) -> Iterator[None]:
        """As `train_epoch`, with a pause after each step of training."""
        assert self.stack is not None, "the pack is done"
        yield from self.stack.steps_of_epoch()
        if self.stages and self.stack.done and self.stack.leg.settles is None:
            self._come_to_points(self.stack, self.stages[len(self.finished)])
            self.stack = self._next_stack()
        elif self.stack.done or (not self.stages and self.stack.epoch >= self.job.end):
            if self.stack.done:
                found = outcomes(self.stack)
                rows = list(_trial_rows(self.stack, found))
                if self.job.latency is not None:
                    add_latencies(rows, found, **self.job.latency)
                self.keep(rows, found)
            else:
                rows = list(_standing_rows(self.stack))
                self.leave(rows, take(self.stack))
            self._finish(rows, list(_curve_rows(self.stack)))
            self.stack = self._next_stack()

    def _finish(self, rows: list[Row], curves: list[Row]) -> None:
        """A part is done; the points that it leaves have what their paths came to."""
        left = self._left(self.stages[len(self.finished)]) if self.stages else []
        self.finished.append((rows + left, curves))

    def _left(self, stage: Stage) -> list[Row]:
        """Of paths that could be stopped here the points to come: STOPPED, and nothing else is known of them."""
        states = [self.trunk[name] for name in stage.left_names]
        rows = []
        for lane, (point, state) in enumerate(zip(stage.left, states, strict=True)):
            row = _row(point, lane, state.state["failures"][0], state.epoch)
            rows.append(row | ({"status": "STOPPED", "reason": _NOT_REACHED} if row["reason"] is None else {}))
        if rows:
            self.leave(rows, states)
        return rows

    def _come_to_points(self, stack: Stack, stage: Stage) -> None:
        """The lanes of paths are at their next points; where all of them have failed, so have the points to come."""
        if not all(stack.failures):
            self.trunk = {trial.trial: lane for trial, lane in zip(stack.trials, take(stack), strict=True)}
            return
        reasons = {trial.trial: reason for trial, reason in zip(stack.trials, stack.failures, strict=True)}
        curves = list(_curve_rows(stack))
        while True:
            named = list(zip((*stage.points, *stage.left), (*stage.names, *stage.left_names), strict=True))
            rows = [_row(point, lane, reasons[name], stack.epoch) for lane, (point, name) in enumerate(named)]
            own = [{**row, "trial": point.trial} for point, name in named for row in curves if row["trial"] == name]
            self.finished.append((rows, own))
            if self.done or self._is_first(stage := self.stages[len(self.finished)]):
                return

    def _stack_of(self, stage: Stage, where: Problem) -> Stack | None:
        """What trains to a stage's points, or polishes them; None where there are none to be polished."""
        lanes = [self.trunk.get(trial.trial) for trial in stage.trunk]
        known = [lane for lane in lanes if lane is not None and lane.epoch == stage.at]
        job = self.job
        if len(known) < len(lanes):
            leg = Leg(stage.at)
            stack = Stack(where, job.method, job.recipe, stage.trunk, self.device, job.shrink, leg)
            if self._begun(stage):
                origin = self.lanes if self._is_first(stage) else self.trunk
                put(stack, [origin[trial.trial] for trial in stage.trunk])
            return stack
        if not stage.points:
            return None
        leg = Leg(stage.at + job.recipe.polish, stage.at)
        stack = Stack(where, job.method, job.recipe, stage.points, self.device, job.shrink, leg)
        begun = self._begun(stage)
        put(stack, [self.trunk[name].since(begun) if stage.index else self.trunk[name] for name in stage.names])
        return stack

    def latest(self) -> Row:
        """Scores and counts of a lone trial after its newest epoch; once it is done its row too, with test scores."""
        if self.stack is not None:
            return _numbers(_lane(self.stack.history[-1], 0))
        (row,), curve = self.finished[-1]
        return _numbers(curve[-1]) | {name: value for name, value in row.items() if _is_shown(value)}

    def _next_stack(self) -> Stack | None:
        while not self.done:
            stage = self.stages[len(self.finished)] if self.stages else None
            trials = stage.trunk if stage else self.parts[len(self.finished)]
            where = self._problem_of(trials)
            if stage and isinstance(where, Problem):
                if (found := self._stack_of(stage, where)) is not None:
                    return found
                self._finish([], [])
                continue
            if isinstance(where, Problem):
                stack = Stack(where, self.job.method, self.job.recipe, trials, self.device, self.job.shrink)
                if self.job.start:
                    put(stack, [self.lanes[trial.trial] for trial in trials])
                return stack
            points = (*stage.points, *stage.left) if stage else trials
            self.finished.append(([_row(trial, lane, where, 0) for lane, trial in enumerate(points)], []))
        return None

    def trial_rows(self) -> list[Row]:
        """One row for each finished trial; the columns are those of ``study.directory.TRIALS`` that training knows."""
        return [row for rows, _ in self.finished for row in rows]

    def curve_rows(self) -> list[Row]:
        """One row for each finished trial and epoch."""
        return [row for _, rows in self.finished for row in rows]

    def state_dict(self) -> dict[str, Any]:
        trunk = {name: {**vars(lane)} for name, lane in self.trunk.items()}
        stack = self.stack.state_dict() if self.stack else None
        return {"finished": self.finished, "stack": stack} | ({"trunk": trunk} if trunk else {})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.finished = [(list(rows), list(curves)) for rows, curves in state["finished"]]
        self.trunk = {name: LaneState(**lane) for name, lane in state.get("trunk", {}).items()}
        self.stack = self._next_stack()
        if self.stack is not None:
            self.stack.load_state_dict(state["stack"])


_NOT_REACHED = "its path was stopped before it"


def _is_shown(value: Any) -> bool:
    return value is not None and not isinstance(value, bytes)


def _device(name: str) -> str:
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


def _trial_rows(stack: Stack, found: Sequence[Outcome | None]) -> Iterator[Row]:
    last = stack.history[-1]
    dense = dense_counts(stack.problem)
    failed = all(stack.failures)
    test = {} if failed else stack.scores("test")
    settled = stack.history[stack.leg.settles - 1] if stack.leg.settles and not failed else {}
    params = stack.method.deployed(stack.params, stack.state, stack.knobs)
    answers = {} if failed else {f"{name}_answers": packed(stack.answers(split)) for name, split in _ANSWERED}
    nonzero = cost.nonzero_weights(stack.problem.graph, params)
    counts = counted(stack.problem.graph, params, stack.recipe.counts)
    for lane, trial in enumerate(stack.trials):
        reason = stack.failures[lane]
        row = _row(trial, lane, reason, stack.epoch)
        row |= {"train_seconds": stack.train_seconds / len(stack.trials), "device": str(stack.device)}
        if (outcome := found[lane]) is not None:
            row |= {name: _plain(value, lane) for name, value in last.items() if not _of_an_epoch(name)}
            row |= {f"test_{name}": _plain(value, lane) for name, value in test.items()}
            row |= {f"dense_{name}": value for name, value in dense.items()}
            row["nonzero_weights"] = _plain(nonzero, lane)
            row |= {f"count_{name}": _finite(values[lane]) for name, values in counts.items()}
            row |= {f"{name}_before_polish": _plain(settled[name], lane) for name in settled if name.startswith("val_")}
            row |= {name: _plain(settled[name], lane) for name in settled if name.startswith(UNPRUNED)}
            row |= described(stack.problem.drawn([trial.data_seed])[0])
            row |= {name: value[lane] for name, value in answers.items()}
            row |= outcome.columns
        yield row


def _standing_rows(stack: Stack) -> Iterator[Row]:
    """Of trials that could be stopped here: STOPPED, with what they would end with. ``judged`` is no column."""
    dense, standing = dense_counts(stack.problem), stack.standing()
    judged = stack.method.judged(stack.knobs, stack.epoch)
    last = stack.history[-1]
    for lane, trial in enumerate(stack.trials):
        reason = stack.failures[lane]
        row = _row(trial, lane, reason, stack.epoch)
        row |= {"train_seconds": stack.train_seconds / len(stack.trials), "device": str(stack.device)}
        if reason is None:
            row |= {"status": "STOPPED", "train_loss": _plain(last["train_loss"], lane)}
            row |= {name: _plain(value, lane) for name, value in standing.items()}
            row |= {f"dense_{name}": value for name, value in dense.items()}
            row |= described(stack.problem.drawn([trial.data_seed])[0])
            row["judged"] = judged is None or bool(judged[lane])
        yield row


_ANSWERED = (("val", "validation"), ("test", "test"))


def _row(trial: Trial, lane: int, reason: str | None, epochs: int) -> Row:
    """What is known of a trial before anything was measured."""
    return {
        "trial": trial.trial,
        "lane": lane,
        "seed": trial.seed,
        "data_seed": trial.data_seed,
        "status": "FAILED" if reason else "COMPLETE",
        "reason": reason,
        "epochs": epochs,
    } | {f"param_{name}": value for name, value in trial.parameters.items()}


def _by_network(trials: Sequence[Trial]) -> list[tuple[Trial, ...]]:
    """The trials in groups of the same arguments of the network."""
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(json.dumps(architecture(trial.parameters), sort_keys=True), []).append(trial)
    return [tuple(group) for group in groups.values()]


def _of_an_epoch(name: str) -> bool:
    """What is true of an epoch only, not of the trial that ended with it."""
    return name in ("epoch", "seconds", "lr", "gates") or name.startswith("state_")


def _curve_rows(stack: Stack) -> Iterator[Row]:
    for entry in stack.history:
        own = {k: v for k, v in entry.items() if not k.startswith(UNPRUNED)}
        columns = {k: v.tolist() if isinstance(v, Tensor) else [v] * len(stack.trials) for k, v in own.items()}
        for lane, trial in enumerate(stack.trials):
            yield {"trial": trial.trial} | {name: _finite(column[lane]) for name, column in columns.items()}


def _lane(entry: Row, lane: int) -> Row:
    """A lane's part of an epoch's record."""
    own = {name: value for name, value in entry.items() if not name.startswith(UNPRUNED)}
    return {name: _plain(value, lane) if isinstance(value, Tensor) else value for name, value in own.items()}


def _numbers(row: Row) -> Row:
    """With NaN for numbers that were not finite: schedulers and searchers expect a number."""
    return {name: math.nan if value is None else value for name, value in row.items()}


def dense_counts(problem: Problem) -> dict[str, Any]:
    """Counts of the whole network, by the same path as every trial's."""
    return {name: _plain(value, 0) for name, value in cost.count(problem.graph, everything(problem.graph)).items()}


def _plain(value: Any, lane: int) -> Any:
    """A lane's entry as a number or list."""
    return _finite(value[lane].tolist() if isinstance(value, Tensor) else value)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
