"""TPE for whole packs."""

from __future__ import annotations

from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator
from optuna.samplers._tpe.sampler import _split_trials, default_gamma, default_gamma_multiobjective
from optuna.trial import FrozenTrial, TrialState


class PackTPE(TPESampler):
    """TPE that is fitted once for all trials of a pack, which differ by what they draw from the fit.

    The first of them is what TPE itself would ask.
    """

    _fits: dict[tuple[tuple[str, BaseDistribution], ...], tuple[_ParzenEstimator, _ParzenEstimator]]
    _sides: tuple[list[FrozenTrial], list[FrozenTrial]] | None = None

    def _sample(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        below, above = self._fitted(study, trial, search_space)
        drawn = below.sample(self._rng.rng, self._n_ei_candidates)
        best = self._compare(drawn, self._compute_acquisition_func(drawn, below, above))
        return {name: space.to_external_repr(best[name]) for name, space in search_space.items()}

    def _fitted(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> tuple[_ParzenEstimator, _ParzenEstimator]:
        """The densities of good and of bad trials."""
        if self._sides is None:
            self._fits = {}
            states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING]
            others = [one for one in study.get_trials(deepcopy=False, states=states) if one.number != trial.number]
            finished = sum(one.state != TrialState.RUNNING for one in others)
            self._sides = _split_trials(study, others, _good(study, finished))
        space = tuple(sorted(search_space.items(), key=lambda item: item[0]))
        if space not in self._fits:
            good, bad = self._sides
            self._fits[space] = (
                self._build_parzen_estimator(study, search_space, good, handle_below=True),
                self._build_parzen_estimator(study, search_space, bad, handle_below=False),
            )
        return self._fits[space]


def _good(study: Study, finished: int) -> int:
    """How many of the finished trials TPE takes for good ones."""
    return (default_gamma if len(study.directions) == 1 else default_gamma_multiobjective)(finished)
