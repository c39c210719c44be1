"""How many trials a device trains together at its best: steps of the dense network, measured width by width."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from trainables.problem import Problem
from trainables.recipe import Recipe
from trainables.rehearsal.steps import seconds_per_step

_WORTH = 1.1
"""How many times as many trials a second a stack of twice the width has to train."""

_REPEATS = 3
_MOST = 1024
_FULL = 0.8
"""Of a device's memory: a method holds more than the dense network that is measured."""


@dataclass(frozen=True)
class Width:
    """What a stack of so many lanes takes."""

    lanes: int
    seconds: float
    """Of a step of them all, the fastest of some."""
    bytes: int
    """Of the device's memory, at most; 0 where that is not known."""


def best_width(problem: Problem, recipe: Recipe, device: str, share: float = 1.0, least: int = 16) -> int:
    """Lanes of the widest stack that is worth its width and fits.

    Args:
        share: of the device that a worker has.
        least: lanes that are not asked about.
    """
    return widest(measured(problem, recipe, device, least), room(device, share))


def measured(
    problem: Problem,
    recipe: Recipe,
    device: str,
    least: int = 16,
    seconds: Callable[[Problem, Recipe, int, str], float] = seconds_per_step,
) -> Iterator[Width]:
    """From `least` lanes on, twice as many each time; ends where they do not fit."""
    lanes, cuda = least, device.startswith("cuda")
    while lanes <= _MOST:
        if cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        try:
            fastest = min(seconds(problem, recipe, lanes, device) for _ in range(_REPEATS))
        except torch.OutOfMemoryError:
            return
        yield Width(lanes, fastest, torch.cuda.max_memory_allocated() if cuda else 0)
        lanes *= 2


def widest(widths: Iterator[Width], room: float) -> int:
    """Takes no more of them than it has to.

    Args:
        widths: the first is taken in any case.
        room: bytes that a pack may occupy.

    Raises:
        StopIteration: there is none.
    """
    best = next(widths)
    for found in widths:
        gained = found.lanes / found.seconds / (best.lanes / best.seconds)
        if gained < _WORTH or found.bytes > room:
            break
        best = found
    return best.lanes


def room(device: str, share: float) -> float:
    """Bytes of a device that a pack may occupy; no bound where they are not the device's own."""
    if not device.startswith("cuda"):
        return float("inf")
    _, total = torch.cuda.mem_get_info()
    return _FULL * share * total
