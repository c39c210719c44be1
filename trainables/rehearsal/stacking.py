"""Whether the trials of a pack train faster stacked or one after the other: both ways tried on the real network.

The two ways give a trial the same numbers but for the order of sums, so that a study asks once, writes the answer down
and keeps to it. Answers are kept on the machine, too: another study of the same network there gets the same one.
"""

from __future__ import annotations

import contextlib
import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch

from trainables.data import cache
from trainables.methods import Method, method_class
from trainables.own_code import source_hash
from trainables.problem import Problem
from trainables.process import settle_process
from trainables.recipe import Recipe
from trainables.rehearsal.steps import bytes_of_pack, few, short
from trainables.training import Stack, Trial, dense_counts, obstacle, stacked

CLEAR_MACS = 50_000
"""Multiply-adds of one example below which a step is calls and little else: nothing is measured, stacking pays."""

MARGIN = 1.25
"""By how much the other way has to be faster than the one that the rule (`trainables.training.stacked`) expects. What
is measured next to that may come out otherwise on another day, and with it the last digits of a study's numbers."""

_LEAST_LANES = 4
"""Of a stack that says something of larger ones."""
_MOST_BYTES = 2**30
_MOST_ROUNDS = 6


@dataclass(frozen=True)
class Stacking:
    """How the trials of a pack train, and what the ways take: milliseconds of a trial's step, None if not measured."""

    together: bool
    stacked_ms: float | None = None
    in_turn_ms: float | None = None
    why: str = ""

    @property
    def measured(self) -> bool:
        return self.stacked_ms is not None

    def __str__(self) -> str:
        said = "as one stack" if self.together else "one after the other"
        if self.stacked_ms is None or self.in_turn_ms is None:
            return f"{said}: {self.why}"
        ways = [f"{self.stacked_ms:.3g} ms", f"{self.in_turn_ms:.3g} one after the other"]
        if not self.together:
            ways = [f"{self.in_turn_ms:.3g} ms", f"{self.stacked_ms:.3g} stacked"]
        return f"{said}: a step takes a trial {ways[0]}, {ways[1]}"


def family(method: str) -> str:
    """Methods of one family take as long as each other, next to the network: all whose gradients come of one pass."""
    own = method_class(method)
    return own.__name__ if own.gradients is not Method.gradients else "one pass"


def stacking(
    problem: Problem,
    method: str,
    recipe: Recipe,
    parameters: Sequence[Mapping[str, Any]],
    width: int,
    device: torch.device,
    threads: int = 1,
    seconds: float = 1.0,
) -> Stacking:
    """The faster way for packs of ``width`` trials, as far as ``seconds`` of trying tell.

    Args:
        parameters: of the method's trials that it is tried with, by turns.
        device: what workers train on; where this process has none of that kind nothing is measured.
        threads: that a worker has.
    """
    expected = stacked("auto", device, problem)
    if (reason := obstacle(problem)) is not None:
        return Stacking(False, why=f"torch cannot stack the network ({reason})")
    if width == 1 or (device.type == "cuda" and not torch.cuda.is_available()):
        return Stacking(expected, why="nothing to be measured here")
    if expected and dense_counts(problem)["macs"] < CLEAR_MACS:
        return Stacking(True, why="its steps are small")

    def measure() -> Stacking:
        try:
            with _as_a_worker(threads):
                return _measured(problem, method, recipe, parameters, width, device, expected, seconds)
        except Exception as error:  # of a user's own network, or for want of memory: the study itself will tell
            return Stacking(expected, why=f"could not be measured ({type(error).__name__})")

    return _remembered(_key(problem, method, recipe, width, device, threads), measure)


def _measured(
    problem: Problem,
    method: str,
    recipe: Recipe,
    parameters: Sequence[Mapping[str, Any]],
    width: int,
    device: torch.device,
    expected: bool,
    seconds: float,
) -> Stacking:
    size = min(max(2, recipe.batch_size), len(problem.dataset.train))
    where, brief = few(problem, size), short(recipe, epochs=_MOST_ROUNDS + 2, polish=0, batch_size=size)

    def stack(lanes: int) -> Callable[[], float]:
        trials = [Trial(f"stacking-{i}", i, 0, dict(parameters[i % len(parameters)])) for i in range(lanes)]
        made = Stack(where, method, brief, trials, device)

        def step() -> float:
            before = made.train_seconds
            made.train_epoch()
            return (made.train_seconds - before) / lanes

        step()  # the first one warms up
        return step

    alone = stack(1)
    single = min(alone(), alone())
    fitting = _MOST_BYTES * width // max(1, bytes_of_pack(where, brief, width))
    lanes = min(width, int(seconds / (3 * max(single, 1e-6))) - 1, fitting)
    if lanes < min(_LEAST_LANES, width):
        return Stacking(expected, why=f"a step of {1e3 * single:.0f} ms is too long to be tried stacked")
    together, begun = stack(lanes), time.perf_counter()
    ours, theirs = list[float](), [single]
    while len(ours) < 2 or (len(ours) < _MOST_ROUNDS and time.perf_counter() - begun < seconds / 3):
        ours.append(together())
        theirs.append(alone())
    gain = min(theirs) / min(ours)
    pays = gain > (1 / MARGIN if expected else MARGIN)
    return Stacking(pays, 1e3 * min(ours), 1e3 * min(theirs))


def _key(problem: Problem, method: str, recipe: Recipe, width: int, device: torch.device, threads: int) -> str:
    """Of all that the time of a step depends on."""
    skeleton, module = problem.graph.skeleton, problem.model.partition(":")[0]
    shapes = [(name, tuple(tensor.shape)) for name, tensor in skeleton.state_dict().items()]
    kind = torch.cuda.get_device_name() if device.type == "cuda" else platform.processor() or platform.machine()
    network = (problem.model, repr(skeleton), shapes, source_hash(module) if ":" in problem.model else "")
    data = (tuple(problem.graph.example.shape[1:]), problem.dataset.task, problem.dataset.augment)
    steps = (recipe.batch_size, sorted(recipe.optimizer.items()), family(method), width, *recipe.groups)
    machine = (platform.node(), kind, threads, torch.__version__)
    return cache.fingerprint("stacking", network, data, steps, machine)


def _remembered(key: str, measure: Callable[[], Stacking]) -> Stacking:
    """What was measured on this machine before, or is now. A cache that cannot be read or written is none."""
    path = cache.folder() / f"{key}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Stacking(**json.loads(path.read_text()))
    found = measure()
    if found.measured:
        with contextlib.suppress(OSError):
            _write(path, json.dumps(asdict(found)))
    return found


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{uuid4().hex}.tmp")
    temporary.write_text(text)
    temporary.replace(path)


@contextlib.contextmanager
def _as_a_worker(threads: int) -> Iterator[None]:
    """As many threads as a worker has, and its settings of the process."""
    before = torch.get_num_threads()
    settle_process()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
