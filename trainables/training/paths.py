"""Paths: lanes that go on from their own states with a larger strength, each point of theirs polished as a copy.

The classical regularisation path by warm starts. A point's numbers are a function of its own trial, which names the
strengths that came before its own: whoever shares a pack with another point of its path trains the way there once.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from trainables.training.stack import Trial


@dataclass(frozen=True)
class Stage:
    """From one point of some paths to the next.

    Attributes:
        index: of the point, from 0.
        at: the epoch at which it lies.
        trunk: the lanes that train on to it, with its strength, under the same names in all stages.
        points: the trials that are polished there, and ``names``, the lane that each is a copy of.
        left: the points to come where a segment ends here, and ``left_names``, the lane that each goes on from.
    """

    index: int
    at: int
    trunk: tuple[Trial, ...]
    points: tuple[Trial, ...]
    names: tuple[str, ...]
    left: tuple[Trial, ...] = ()
    left_names: tuple[str, ...] = ()


def stages(
    trials: Sequence[Trial], knob: str, first: int, every: int, width: int, start: int = 0, until: int | None = None
) -> list[Stage]:
    """The stages in which points of paths are trained, of ``width`` paths together, one after the other.

    Args:
        knob: the name of the strength.
        first: the epoch of the first point; ``every`` so many more comes another.
        start, until: the epochs of the points that a segment goes on from and ends at.
    """
    begin = 0 if start < first else 1 + (start - first) // every
    end = math.inf if until is None else (until - first) // every
    paths: dict[tuple[Any, ...], list[Trial]] = defaultdict(list)
    for trial in trials:
        others = {name: value for name, value in trial.parameters.items() if name != knob}
        begins = _strengths(trial, knob)[0]
        paths[trial.seed, trial.data_seed, json.dumps(others, sort_keys=True), begins].append(trial)
    whole = [sorted(path, key=lambda point: len(point.path)) for path in paths.values()]
    found: list[Stage] = []
    for start in range(0, len(whole), width):
        together = whole[start : start + width]
        farthest = max(len(path[-1].path) for path in together)
        for index in range(begin, 1 + int(min(farthest, end))):
            lanes = [path for path in together if len(path[-1].path) >= index]
            points = [(point, path[-1].trial) for path in lanes for point in path if len(point.path) == index]
            later = [(point, path[-1].trial) for path in lanes for point in path if len(point.path) > index]
            left = later if index == end else []
            found.append(
                Stage(
                    index,
                    first + index * every,
                    tuple(_at(path[-1], knob, index) for path in lanes),
                    tuple(point for point, _ in points),
                    tuple(name for _, name in points),
                    tuple(point for point, _ in left),
                    tuple(name for _, name in left),
                )
            )
    return found


def _strengths(trial: Trial, knob: str) -> tuple[float, ...]:
    return (*trial.path, float(trial.parameters[knob]))


def _at(last: Trial, knob: str, index: int) -> Trial:
    """The last trial of a path as it trains on its way to a point."""
    return replace(last, parameters={**last.parameters, knob: _strengths(last, knob)[index]}, path=())
