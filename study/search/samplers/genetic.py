"""NSGA-II and NSGA-III in their steady-state form."""

from __future__ import annotations

from collections.abc import Callable

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseGASampler, NSGAIIISampler, NSGAIISampler
from optuna.trial import FrozenTrial, TrialState


class _Steady(BaseGASampler):
    """A genetic algorithm in its steady-state form: parents are the elite of all trials finished so far.

    Optuna's own breeds by generations, which it stores with its trials. Here nothing is stored, slow trials
    are not forgotten when their generation is over, and trials that another sampler proposed are parents,
    too.

    Reference: Durillo et al., "On the effect of the steady-state selection scheme in multi-objective genetic
    algorithms", EMO 2009.
    """

    _elite_population_selection_strategy: Callable[[Study, list[FrozenTrial]], list[FrozenTrial]]
    # Of one pack, whose asks see the same finished trials.
    _population: list[FrozenTrial] | None = None
    _parents: list[FrozenTrial] | None = None
    _shared: dict[str, BaseDistribution] | None = None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        if self._shared is None:
            self._shared = super().infer_relative_search_space(study, trial)  # type: ignore[safe-super]  # NSGA has it
        return self._shared

    def get_trial_generation(self, study: Study, trial: FrozenTrial) -> int:
        """0 while there are fewer finished trials than parents, then 1."""
        return int(len(self.get_population(study, 0)) >= (self.population_size or 0))

    def get_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        if self._population is None:
            self._population = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        return self._population

    def get_parent_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        if generation == 0:
            return []
        if self._parents is None:
            self._parents = self._elite_population_selection_strategy(study, self.get_population(study, 0))
        return self._parents


class SteadyNSGAII(_Steady, NSGAIISampler):
    """Deb et al.: A fast and elitist multiobjective genetic algorithm: NSGA-II, 2002."""


class SteadyNSGAIII(_Steady, NSGAIIISampler):
    """Deb & Jain: An evolutionary many-objective optimization algorithm using reference points, 2014."""
