"""CMA-ES for one objective, which keeps no state of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from optuna import Study
from optuna._transform import _SearchSpaceTransform
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

_SIGMA = 1 / 6
"""Of the first generation, in widths of the space: Optuna's."""


class ReplayedCMA(BaseSampler):
    """CMA-ES whose distribution follows anew from all finished trials, a generation after the other.

    Optuna's own stores its state with its trials, so that a study that is rebuilt would begin anew. Here the trials
    told so far are the state. Trials that violate what is required count as worse than all others, by how much they do.
    Choices, and what only some branches of the space have, are drawn at random.

    Reference: Hansen, "The CMA evolution strategy: a tutorial", 2016.
    """

    def __init__(self, seed: int, population: int, startup: int) -> None:
        self._seed, self._population, self._startup = seed, population, startup
        self._random = RandomSampler(seed=seed)
        self._optimizer: Any = None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        if len(study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])) < self._startup:
            return {}
        space = IntersectionSearchSpace().calculate(study)
        numbers: dict[str, BaseDistribution] = {
            name: distribution
            for name, distribution in space.items()
            if isinstance(distribution, FloatDistribution | IntDistribution) and not distribution.single()
        }
        return numbers if len(numbers) > 1 else {}  # in one dimension there is no covariance

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        transform = _SearchSpaceTransform(search_space, transform_step=True, transform_0_1=True)
        if self._optimizer is None:
            self._optimizer = self._replayed(study, transform, len(search_space))
        return transform.untransform(np.clip(self._optimizer.ask(), 0.0, 1.0))

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def _replayed(self, study: Study, transform: _SearchSpaceTransform, dimensions: int) -> Any:
        from cmaes import CMA

        bounds = np.tile([0.0, 1.0], (dimensions, 1))
        optimizer = CMA(np.full(dimensions, 0.5), _SIGMA, bounds, seed=self._seed, population_size=self._population)
        trials = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        sign = 1.0 if study.direction == StudyDirection.MINIMIZE else -1.0
        losses = [sign * float(trial.values[0]) for trial in trials]
        excess = [sum(max(value, 0.0) for value in trial.constraints.values()) for trial in trials]
        worst = max((loss for loss, over in zip(losses, excess, strict=True) if not over), default=0.0)
        told = [
            (
                transform.transform({name: trial.params[name] for name in transform._search_space}),
                worst + over if over else loss,
            )
            for trial, loss, over in zip(trials, losses, excess, strict=True)
        ]
        for start in range(0, len(told) - self._population + 1, self._population):
            optimizer.tell(told[start : start + self._population])
        return optimizer
