"""Racing of seeds: candidates for the front are trained again with other seeds, the more the front depends on them.

How likely a configuration is on the front is worked out by draws of what its mean could as well be: the means over the
seeds that it has, and the scatter of seeds, which all configurations of a method are taken to have in common. Before it
is known, one more seed of each that is on the front tells it. Sizes scatter by factors, so that their logarithms are
compared. Nothing here depends on when results came.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import moocore
import numpy as np
from numpy.typing import NDArray

from study.directory import OBJECTIVES, TrialSpec

Numbers = NDArray[np.float64]

UNLIKELY = 0.05
"""Of being on the front: below that a configuration is clearly dominated, and is not trained again."""

_DRAWS = 256
_SURE = 0.01
"""What a seed of a configuration that is on the front for certain counts, beside p (1 - p) of one in doubt."""


class _Seen(NamedTuple):
    """What one trial came to: the objectives' values, and how far it is from what is required, by constraint."""

    values: list[float]
    excess: dict[str, float]


class Race:
    """Of the configurations of one method in one search; a configuration goes by the number of its first trial.

    Args:
        seeds: trials that a configuration gets at most.
        most: trials of the budget that may be repetitions.
        objectives: their names.
    """

    def __init__(self, seeds: int, most: int, objectives: Sequence[str]) -> None:
        self._seeds, self.most = seeds, most
        self._objectives = [OBJECTIVES[name] for name in objectives]
        self.repeats = 0
        """Trials that were asked for and train a configuration again."""
        self._first: dict[int, TrialSpec] = {}
        self._given: dict[int, int] = {}
        """Trials that each configuration has, those in training included."""
        self._waits: set[int] = set()
        """New configurations in training."""
        self._again: set[int] = set()
        """Trials in training that repeat one."""
        self._seen: dict[int, list[_Seen]] = {}
        self._spoilt: set[int] = set()
        """Configurations of which a trial ended without an outcome that counts."""

    @property
    def waits(self) -> bool:
        """Whether it is not known yet what came of a new configuration, or how seeds scatter."""
        return bool(self._waits) or (bool(self._again) and not self._freedom)

    @property
    def _freedom(self) -> int:
        """Degrees of freedom of the scatter of seeds."""
        return sum(len(seen) - 1 for seen in self._seen.values())

    def asked(self, spec: TrialSpec) -> None:
        """A trial that is in training from now on."""
        number = spec.get("repeats", spec["number"])
        self._given[number] = self._given.get(number, 0) + 1
        if number != spec["number"]:
            self.repeats += 1
            self._again.add(spec["number"])
            return
        self._first[number] = spec
        self._waits.add(number)

    def again(self, number: int) -> tuple[TrialSpec, int]:
        """The first trial of a configuration, and which replicate of it the next one is."""
        return self._first[number], self._given[number]

    def told(
        self, spec: TrialSpec, row: Mapping[str, Any] | None, values: list[float] | None, excess: dict[str, float]
    ) -> None:
        """What a trial came to.

        Args:
            row: its; None where it has none.
            values: of the objectives; None where it has no outcome.
        """
        number = spec.get("repeats", spec["number"])
        self._waits.discard(spec["number"])
        self._again.discard(spec["number"])
        if number not in self._first:  # its manifest and row are lost
            return
        if row is not None and row["status"] == "COMPLETE" and values is not None:
            self._seen.setdefault(number, []).append(_Seen(values, excess))
        elif number == spec["number"] or (row is not None and row.get("epochs") is not None):
            self._spoilt.add(number)  # it diverged, or was stopped; what broke off is no outcome of its parameters

    def mean(self, number: int) -> tuple[list[float] | None, dict[str, float]]:
        """Over the trials of a configuration, the objectives' values and the constraints' excess."""
        if number in self._spoilt or not (seen := self._seen.get(number)):
            return None, {}
        values = [math.fsum(column) / len(seen) for column in zip(*(one.values for one in seen), strict=True)]
        names = dict.fromkeys(name for one in seen for name in one.excess)
        return values, {name: math.fsum(one.excess.get(name, 0.0) for one in seen) / len(seen) for name in names}

    def wanted(self, count: int) -> list[int]:
        """Configurations to train again, `count` of them at most, one as often as it is named; ascending.

        One more trial lessens the variance of a mean of n by 1 / n (n + 1). It goes where that, times the doubt whether
        the configuration is on the front, is largest.
        """
        planned, found = dict(self._given), list[int]()
        most = self._seeds if self._freedom else 2
        likely = {number: p for number, p in self.likelihoods().items() if p >= UNLIKELY}
        while len(found) < count:
            gains = {
                number: (p * (1 - p) + _SURE) / (planned[number] * (planned[number] + 1))
                for number, p in likely.items()
                if planned[number] < most
            }
            if not gains:
                break
            best = max(gains, key=lambda number: (gains[number], -number))
            planned[best] += 1
            found.append(best)
        return sorted(found)

    def likelihoods(self) -> dict[int, float]:
        """By configuration, how likely it is on the front; of those only that are complete."""
        numbers = sorted(set(self._seen) - self._spoilt)
        if not numbers:
            return {}
        names = list(dict.fromkeys(name for number in numbers for one in self._seen[number] for name in one.excess))
        trials = [np.array([self._losses(one, names) for one in self._seen[number]]) for number in numbers]
        means, counts = np.array([own.mean(axis=0) for own in trials]), np.array([len(own) for own in trials])
        errors = _scatter(trials) / np.sqrt(counts)[:, None]
        draws = np.random.default_rng(0).standard_normal((len(numbers), _DRAWS, means.shape[1]))
        on_front, width = np.zeros(len(numbers)), len(self._objectives)
        for draw in range(_DRAWS):
            drawn = means + errors * draws[:, draw]
            fit = np.flatnonzero((drawn[:, width:] <= 0).all(axis=1))
            if len(fit):
                on_front[fit[moocore.is_nondominated(drawn[fit, :width], keep_weakly=True)]] += 1
        return dict(zip(numbers, map(float, on_front / _DRAWS), strict=True))

    def _losses(self, one: _Seen, names: Sequence[str]) -> list[float]:
        """Objectives, less is better, sizes by their logarithms; then what each constraint is exceeded by."""
        found = []
        for objective, value in zip(self._objectives, one.values, strict=True):
            size = not objective.maximise and not objective.column.startswith("val_")
            found.append(math.log(max(value, 1e-9)) if size else -value if objective.maximise else value)
        return [*found, *(one.excess.get(name, 0.0) for name in names)]


def _scatter(trials: Sequence[Numbers]) -> Numbers:
    """Standard deviations of one seed: pooled over all configurations that have several, 0 while none has."""
    squares = sum(((own - own.mean(axis=0)) ** 2).sum(axis=0) for own in trials)
    freedom = sum(len(own) - 1 for own in trials)
    return np.asarray(np.sqrt(squares / max(freedom, 1)), float)
