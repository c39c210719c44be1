"""Brackets: the strengths with which networks reach given compressions, found by bisection.

The lanes of a bracket differ in their strength alone: they have the sampler's other parameters, and a seed, in common,
and begin from the same state where there is a warm start. In its first round they are spread over the range of the
strength; then each compression lies between the largest strength that fell short of it and the smallest one beyond, and
those that lie between the same two share what is between them. Strengths are halved on their own scale, most often by
ratios. Nothing here depends on when results came.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from optuna.distributions import FloatDistribution

from study.directory import OBJECTIVES, TrialSpec


class Lane(NamedTuple):
    """A trial to come: its bracket, the compression that it is to reach, the strength to try."""

    bracket: int
    target: float
    strength: float


@dataclass
class _Bracket:
    asked: int = 0
    pending: set[int] = field(default_factory=set)
    """Trials in training, by number."""
    seen: list[tuple[float, float]] = field(default_factory=list)
    """Strength and compression of those that are complete."""


class Brackets:
    """Of one method in one search.

    Args:
        knob: the strength; networks are the smaller the larger it is.
        space: its range.
        targets: compressions, ascending: the dense network's count by the compact one's.
        count: what is counted, by its objective's name.
        rounds: of each bracket.
    """

    def __init__(self, knob: str, space: FloatDistribution, targets: Sequence[float], count: str, rounds: int) -> None:
        self.knob, self._space, self._targets, self._rounds = knob, space, tuple(targets), rounds
        self._column = OBJECTIVES[count].column
        self._brackets: list[_Bracket] = []
        self._others: dict[int, dict[str, Any]] = {}

    @property
    def trials(self) -> int:
        """Of a whole bracket."""
        return len(self._targets) * self._rounds

    def others(self, bracket: int) -> dict[str, Any] | None:
        """The parameters that the lanes of a bracket have in common; None for a new one."""
        return dict(self._others[bracket]) if bracket in self._others else None

    def asked(self, spec: TrialSpec, params: Mapping[str, Any]) -> None:
        """A trial is in training from now on.

        Args:
            params: those that are searched.
        """
        number = spec["bracket"]
        while number >= len(self._brackets):  # those between are lost, and begin anew
            self._brackets.append(_Bracket())
        self._others.setdefault(number, {name: value for name, value in params.items() if name != self.knob})
        self._brackets[number].asked += 1
        self._brackets[number].pending.add(spec["number"])

    def told(self, spec: TrialSpec, row: Mapping[str, Any] | None) -> None:
        """What a trial came to; what failed tells nothing of its strength."""
        bracket = self._brackets[spec["bracket"]]
        bracket.pending.discard(spec["number"])
        if row is not None and row["status"] == "COMPLETE" and row.get(self._column) is not None:
            left, whole = float(row[self._column]), float(row[f"dense_{self._column}"])
            bracket.seen.append((float(spec["parameters"][self.knob]), whole / left if left else math.inf))

    def open(self, remaining: int) -> bool:
        """Whether some bracket can go on, or another one begin, with so many trials left."""
        return bool(self._ready()) or self._room(remaining) > 0

    def next(self, size: int, remaining: int) -> list[Lane]:
        """The lanes of a next pack: brackets whose results are known go on, then others begin, as many as fit."""
        lanes, known = list[Lane](), len(self._brackets)
        for number in [*self._ready(), *range(known, known + self._room(remaining))]:
            if lanes and len(lanes) + len(self._targets) > size:
                break
            strengths = self._strengths(self._brackets[number] if number < known else _Bracket())
            lanes += [Lane(number, target, one) for target, one in zip(self._targets, strengths, strict=True)]
        return lanes[:remaining]

    def _ready(self) -> list[int]:
        return [n for n, one in enumerate(self._brackets) if not one.pending and one.asked < self.trials]

    def _room(self, remaining: int) -> int:
        """Brackets that may begin: whole ones, and in the end one that is cut short."""
        needed = sum(max(0, self.trials - one.asked) for one in self._brackets)
        return max(0, remaining - needed) // self.trials or int(remaining > 0 and not needed)

    def _strengths(self, bracket: _Bracket) -> list[float]:
        """For each compression the next strength."""
        ends: dict[tuple[float, float], list[int]] = defaultdict(list)
        for place, target in enumerate(self._targets):
            ends[self._between(bracket.seen, target)].append(place)
        found = [0.0] * len(self._targets)
        for (low, high), places in ends.items():
            for index, place in enumerate(places, 1):
                share = index / (len(places) + 1)
                found[place] = self._strength((1 - share) * low + share * high)
        return found

    def _between(self, seen: Sequence[tuple[float, float]], target: float) -> tuple[float, float]:
        """The ends of what is left of the range, on its scale."""
        high = min((one for one, reached in seen if reached >= target), default=self._space.high)
        low = max((one for one, reached in seen if reached < target and one < high), default=self._space.low)
        return self._scaled(low), self._scaled(high)

    def _scaled(self, strength: float) -> float:
        return math.log(strength) if self._space.log else strength

    def _strength(self, scaled: float) -> float:
        found = math.exp(scaled) if self._space.log else scaled
        return min(max(found, self._space.low), self._space.high)
