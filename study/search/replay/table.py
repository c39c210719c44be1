"""A finished study's table as an oracle: what a configuration would come to, without training it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from trainables.errors import StudyError, not_one_of

By: TypeAlias = Literal["nearest", "surrogate"]
_TREES = 100

Numbers: TypeAlias = NDArray[np.float64]


class Replay:
    """Answers for any configuration of one method with the objectives at each rung and at the end.

    nearest: those of the trained configuration that is nearest to it, each parameter on its own scale from 0 to 1;
    among several that are equally near, such as seeds, one after the other. surrogate: interpolated by a forest of
    extremely randomised trees (Geurts et al., 2006), which knows no luck: it is smoother than what is trained.

    Args:
        space: what is searched, by name.
        parameters: of each trained trial.
        values: (trials, stages, objectives), stages being the rungs and the end.

    Raises:
        StudyError: no trial was trained.
    """

    def __init__(
        self,
        space: Mapping[str, BaseDistribution],
        parameters: Sequence[Mapping[str, Any]],
        values: Numbers,
        by: By = "nearest",
    ) -> None:
        if by not in get_args(By):
            raise not_one_of("by", by, get_args(By))
        if not len(values):
            raise StudyError("expected trials that are complete, but there are none")
        self._space, self._values = dict(space), values
        self._points = np.array([self._encoded(one) for one in parameters])
        self._forest = self._fitted() if by == "surrogate" and self._points.shape[1] else None
        self._asked: dict[bytes, int] = {}

    def __call__(self, parameters: Mapping[str, Any]) -> Numbers:
        """(stages, objectives)."""
        point = self._encoded(parameters)
        if self._forest is not None:
            return np.asarray(self._forest.predict(point[None])[0], float).reshape(self._values.shape[1:])
        distances = np.abs(self._points - point).sum(axis=1)
        nearest = np.flatnonzero(distances <= distances.min() + 1e-12)
        turn = self._asked[point.tobytes()] = self._asked.get(point.tobytes(), -1) + 1
        found: Numbers = self._values[nearest[turn % len(nearest)]]
        return found

    def _fitted(self) -> Any:
        from sklearn.ensemble import ExtraTreesRegressor

        flat = self._values.reshape(len(self._values), -1)
        flat = flat[:, 0] if flat.shape[1] == 1 else flat
        return ExtraTreesRegressor(_TREES, random_state=0, n_jobs=1).fit(self._points, flat)

    def _encoded(self, parameters: Mapping[str, Any]) -> Numbers:
        """Numbers between 0 and 1, a coordinate for each choice; what a branch does not have lies aside."""
        found: list[float] = []
        for name, distribution in self._space.items():
            value = parameters.get(name)
            if isinstance(distribution, CategoricalDistribution):
                found += [0.5 * (choice == value) for choice in distribution.choices]
            else:
                assert isinstance(distribution, FloatDistribution | IntDistribution)
                found.append(-1.0 if value is None else _share(distribution, float(value)))
        return np.array(found)


def _share(distribution: FloatDistribution | IntDistribution, value: float) -> float:
    low, high = float(distribution.low), float(distribution.high)
    if distribution.log:
        low, high, value = math.log(low), math.log(high), math.log(max(value, 1e-300))
    return (value - low) / (high - low) if high > low else 0.0
