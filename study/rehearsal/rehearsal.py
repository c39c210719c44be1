"""A study tried out before it starts: in seconds, in this process, with nothing written."""

from __future__ import annotations

import math
import os
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from search_spaces import Scale, architectures, validate
from study.config import StudyConfig
from study.rehearsal.machine import Machine, check_machine
from study.rehearsal.middle import middle_trials
from study.rehearsal.networks import Arguments, count_layers, networks, problem_of, scale_of, scale_of_largest
from study.rehearsal.stacking import described, stackings
from study.rehearsal.widths import best_width
from trainables.declarations import Value
from trainables.errors import StudyError

if TYPE_CHECKING:
    from trainables.problem import Problem
    from trainables.recipe import Recipe
    from trainables.rehearsal import DataFacts, NetworkFacts, StepFacts

_LONG = 10 * 365 * 24.0
"""Hours after which nobody waits for a study."""

_SHORT = 1.0
"""Seconds that a step may take that is timed at full size; longer ones are timed with one trial."""


@dataclass(frozen=True)
class Architecture:
    """A network that was tried, by its searched arguments, and its size."""

    arguments: dict[str, Value]
    neurons: int
    parameters: int
    macs: int

    @classmethod
    def of(cls, arguments: Arguments, facts: NetworkFacts) -> Architecture:
        return cls(dict(arguments), facts.neurons, facts.parameters, facts.macs)


@dataclass(frozen=True)
class Rehearsal:
    """What a study would do, as far as seconds can tell."""

    data: DataFacts
    network: NetworkFacts
    """Of several the largest, which time and memory are of."""
    networks: tuple[Architecture, ...]
    """Those that were tried; empty where no argument of the network is searched."""
    scales: dict[str, Scale]
    """What default ranges follow from, by method; of the largest network, with the layers of the deepest."""
    steps: tuple[StepFacts, ...]
    stacked: bool
    """Whether the trials of a pack train as one stack, here; those of all methods."""
    stacking: tuple[str, ...]
    """What `vectorize: auto` came to where both ways were tried, a line for the methods of each answer."""
    epochs_per_hour: float
    """Epochs of single trials that one worker trains; measured on one step, validation not counted."""
    workers: int
    hours: float
    """Of the whole study on these workers."""
    pack_bytes: int
    notes: tuple[str, ...]
    seconds: float
    step_seconds: float
    """Of them in steps of training, those of every method and those that the time expected follows from."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def rehearse(config: StudyConfig) -> Rehearsal:
    """Try a study: the data, the network, a step of every method, the machine.

    Raises:
        StudyError: what would go wrong, in one line.
        ConnectionError: nothing answers at the address of the cluster.
    """
    started = time.perf_counter()
    machine = check_machine(config)
    import torch

    from study.search import MOST, pack_size
    from trainables import rehearsal

    device = "cuda" if torch.cuda.is_available() else "cpu"
    tried = networks(config)
    with _in_one_line(config, tried[0]):
        data = rehearsal.examine(problem_of(config, tried[0]).dataset, config.batch_size)
    facts = []
    for arguments in tried:
        with _in_one_line(config, arguments):
            facts.append(rehearsal.inspect(problem_of(config, arguments)))
    headless = [found.name for found in facts if not found.heads]
    if "heads" in config.objectives and headless:
        raise StudyError(f"objectives: expected attention, whose heads are counted, but {headless[0]} has none")
    largest = max(range(len(tried)), key=lambda i: (facts[i].macs, facts[i].parameters))
    network = facts[largest]
    several = tuple(map(Architecture.of, tried, facts)) if len(tried) > 1 else ()
    with _in_one_line(config, tried[largest]):
        scales = {method: scale_of_largest(config, method) for method in config.methods}
    for method in config.methods:
        validate(config.implementation(method), config.space(method), scales[method])
    before = time.perf_counter()
    with _in_one_line(config, tried[largest]):
        place = machine or Machine.here()
        workers = place.workers(config)
        most = best_width(config) if config.pack.open and config.resources.gpus_per_worker else MOST
        size = pack_size(config, workers, most)
        choices = stackings(config, size)
    ways = {method: choice.together for method, choice in choices.items()}
    steps = tuple(_step(config, method, device, ways.get(method)) for method in config.methods)
    step_seconds = time.perf_counter() - before
    with _in_one_line(config, tried[largest]):
        where, recipe = problem_of(config, tried[largest]), config.recipe()
        together = all(_together(config, where, device, ways.get(method)) for method in config.methods)
        lanes = min(size, max(config.budget(method) for method in config.methods)) if together else 1
        before = time.perf_counter()
        rate = _rate(where, recipe, lanes, device)
        step_seconds += time.perf_counter() - before
    pack_bytes = rehearsal.bytes_of_pack(where, recipe, lanes)
    epochs = sum(config.epochs_to_train(method) for method in config.methods)
    hours = epochs / rate / workers
    if hours > _LONG:
        raise StudyError(
            f"trials: {sum(map(config.budget, config.methods)):,} trials of {config.epochs} epochs would take about "
            f"{hours / 24 / 365:,.0f} years with {workers} worker{'s' * (workers > 1)} like {place.name}"
        )
    of_networks = dict.fromkeys(note for found in facts for note in found.notes)
    notes = (*data.notes, *of_networks, *_notes(config, machine, pack_bytes, workers, steps))
    seconds = time.perf_counter() - started
    expected = (rate, workers, hours, pack_bytes)
    how = together, tuple(described({method: choice for method, choice in choices.items() if choice.measured}))
    return Rehearsal(data, network, several, scales, steps, *how, *expected, notes, seconds, step_seconds)


def _together(config: StudyConfig, where: Problem, device: str, chosen: bool | None) -> bool:
    """Whether trials of this network train as one stack, by what was chosen for the study if anything was."""
    import torch

    from trainables.training import stacked

    return stacked(config.pack.vectorize, torch.device(device), where) if chosen is None else chosen


@contextmanager
def _in_one_line(config: StudyConfig, arguments: Arguments) -> Iterator[None]:
    """What a user's own network raises is the user's to put right: said with its place, without the traceback."""
    try:
        yield
    except StudyError as error:
        if not arguments:
            raise
        raise StudyError(f"{error}; with {_written(arguments)}") from error
    except OSError:
        raise
    except Exception as error:
        if ":" not in config.model.name:
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f" ({last.filename}:{last.lineno})" if last.filename.endswith(".py") else ""
        said = (str(error).splitlines() or [""])[0]
        raise StudyError(
            f"model: {config.model.name} fails{f' with {_written(arguments)}' * bool(arguments)}: "
            f"{type(error).__name__}: {said}{place}; "
            "STUDY_DEBUG=1 shows the traceback"
        ) from error


def _rate(where: Problem, recipe: Recipe, lanes: int, device: str) -> float:
    """Epochs of single trials per hour that one worker trains."""
    from trainables.rehearsal import seconds_per_step

    seconds = seconds_per_step(where, recipe, 1, device)
    if lanes > 1 and seconds * lanes < _SHORT:
        seconds = seconds_per_step(where, recipe, lanes, device)
    else:
        lanes = 1
    steps = math.ceil(len(where.dataset.train) / recipe.batch_size)
    return float(3600 * lanes / max(seconds * steps, 1e-9))


def _step(config: StudyConfig, method: str, device: str, chosen: bool | None) -> StepFacts:
    """A step of a method, of several networks with the first and the last that are tried."""
    from trainables import rehearsal

    found = []
    first, *others = architectures(config.space(method))
    for arguments in (first, *others[-1:]):
        with _in_one_line(config, arguments):
            where = problem_of(config, arguments)
            together = _together(config, where, device, chosen)
            scale = replace(scale_of(config, where), layers=count_layers(config, method, where))
            trials = middle_trials(config, method, arguments, scale)
            implementation = config.implementation(method)
            found.append(rehearsal.rehearse(where, implementation, config.recipe(method), trials, together, device))
    problem = next((step.problem for step in found if step.problem), "")
    return rehearsal.StepFacts(method, sum(step.seconds for step in found), problem)


def _written(arguments: Arguments) -> str:
    return ", ".join(f"{name} {value}" for name, value in arguments.items())


def _notes(
    config: StudyConfig, machine: Machine | None, pack_bytes: int, workers: int, steps: Sequence[StepFacts]
) -> list[str]:
    notes = [f"{step.method}: {step.problem}" for step in steps if step.problem]
    if machine is None:
        notes.append("the time is that of this machine, not of the cluster")
        return notes
    asked = config.resources.workers
    if asked != "auto" and asked > workers:
        notes.append(f"resources.workers: {asked} are asked for, {workers} train at once on {machine.cpus:g} CPUs")
    memory = _memory()
    if workers * pack_bytes > memory:
        notes.append(
            f"{workers} packs of trials need about {workers * pack_bytes / 2**30:.1f} GiB, and "
            f"{memory / 2**30:.1f} there are: make pack.size or batch_size smaller"
        )
    return notes


def _memory() -> int:
    """Bytes of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
