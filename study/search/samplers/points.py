"""Samplers that learn nothing: Sobol's sequence, a grid."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from trainables.errors import StudyError

_LARGEST = 1_000_000
"""Points of a grid, whose order is drawn."""


class _Points(BaseSampler):
    """Points that are known beforehand: configuration n is the n-th, whatever was asked or told before.

    A branch of the space that is not taken leaves its coordinates unused.

    Args:
        space: what is searched, over all branches.
        seed: of the order of the points, or of the points.
        seeds: how many trials in a row share one.
        repeats: trials before these that have no point of their own.
    """

    def __init__(self, space: Mapping[str, BaseDistribution], seed: int, seeds: int = 1, repeats: int = 0) -> None:
        self._space, self._seed, self._seeds, self._repeats = dict(space), seed, seeds, repeats

    @abstractmethod
    def _point(self, index: int) -> dict[str, float]:
        """The coordinates, each in [0, 1], by parameter."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        point = self._point((trial.number - self._repeats) // self._seeds)
        return {name: _at(self._space[name], point[name]) for name in search_space}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The same coordinate in a narrower range: a branch may search a part of what all branches span."""
        return _at(param_distribution, self._point((trial.number - self._repeats) // self._seeds)[param_name])


class Sobol(_Points):
    """Scrambled Sobol points. Optuna's own draws the first at random and counts the others in its storage.

    Reference: Owen, "Scrambling Sobol' and Niederreiter-Xing points", J. Complexity 1998.
    """

    def _point(self, index: int) -> dict[str, float]:
        """The coordinates, each in [0, 1), by parameter."""
        if not self._space:
            return {}
        from scipy.stats import qmc  # slow to import, and few studies need it

        engine = qmc.Sobol(len(self._space), scramble=True, rng=np.random.default_rng(self._seed))
        if index:
            engine.fast_forward(index)
        return dict(zip(self._space, map(float, engine.random(1)[0]), strict=True))


class Grid(_Points):
    """All combinations, in an order drawn at random so that any budget is spread over the grid; then once more.

    Args:
        points: values of each number, from the lowest to the highest; choices are all taken.

    Raises:
        StudyError: the grid has more than a million points.
    """

    def __init__(
        self, space: Mapping[str, BaseDistribution], seed: int, seeds: int = 1, repeats: int = 0, points: int = 5
    ) -> None:
        super().__init__(space, seed, seeds, repeats)
        self._levels = {name: _levels(distribution, points) for name, distribution in space.items()}
        size = math.prod(map(len, self._levels.values()))
        if size > _LARGEST:
            raise StudyError(
                f"sampler: expected a grid of at most {_LARGEST} points, but {points} of each of {len(space)} "
                f"parameters are {size}: fewer points, or fewer parameters"
            )
        self._order = np.random.default_rng(seed).permutation(size)

    def _point(self, index: int) -> dict[str, float]:
        left = int(self._order[index % len(self._order)])
        found = {}
        for name, levels in self._levels.items():
            left, place = divmod(left, len(levels))
            found[name] = levels[place]
        return found


def _levels(distribution: BaseDistribution, points: int) -> list[float]:
    """Coordinates of a parameter's values; those of what is discrete lie in the middles of its cells."""
    if isinstance(distribution, FloatDistribution) and not distribution.step:
        points = 1 if distribution.single() else points
        return [index / (points - 1) if points > 1 else 0.0 for index in range(points)]
    if isinstance(distribution, CategoricalDistribution):
        cells = len(distribution.choices)
    else:
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        cells = round((distribution.high - distribution.low) / (distribution.step or 1)) + 1
    count = cells if isinstance(distribution, CategoricalDistribution) else min(points, cells)
    return [(index + 0.5) / count for index in range(count)]


def _at(distribution: BaseDistribution, u: float) -> Any:
    """The value at the quantile u of [0, 1), on the distribution's own scale."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(u * len(distribution.choices))]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high, step = distribution.low, distribution.high, distribution.step
    if distribution.log:
        end = high + 1 if isinstance(distribution, IntDistribution) else high
        value = math.exp((1 - u) * math.log(low) + u * math.log(end))
    elif step:
        value = low + step * int(u * (round((high - low) / step) + 1))
    else:
        value = low + u * (high - low)
    return min(max(int(value) if isinstance(distribution, IntDistribution) else value, low), high)
