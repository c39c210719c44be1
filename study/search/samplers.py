"""Which Optuna sampler proposes a method's next pack.

Every pack gets a fresh sampler, seeded by the method and the number of the pack's first trial. None keeps a
state of its own, so what is asked next depends only on the trials told so far: a study that was stopped and
rebuilt asks what it would have asked, and not its first random draws once more.

TPE is fitted once for a pack. Milliseconds of one (busy) core for a pack of 16, 4 parameters, 2 objectives, with 100,
300 and 1000 finished trials: so 62, 83, 162; fitted for each trial 116, 196, 499; NSGA-II 5, 8, 11. `auto` therefore
leaves TPE for NSGA-II when a method has so many finished trials that asking would take more than a twentieth of the
time: see `affordable`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator
from optuna.samplers._tpe.sampler import _split_trials, default_gamma, default_gamma_multiobjective
from optuna.trial import FrozenTrial, TrialState

from trainables.errors import StudyError
from trainables.own_code import load_function
from trainables.seeds import seed_of

if TYPE_CHECKING:
    from study.config import SamplerSettings

AFFORDABLE = 1000
"""Finished trials of a method that `auto` fits TPE to at most; where training is cheap, fewer."""

_LEAST = 100
"""Finished trials that a search learns from in any case."""

_SHARE = 0.05
_FIT_MS, _DRAW_MS = (0.6, 0.004), (0.5, 0.0008)
"""Of a pack's fit and of each of its trials, for every parameter: at first, and more for each finished trial."""
_STEP_MS, _TRIAL_MS = 0.1, 2.0
"""Of training: an optimiser's step of a small network, and what a trial costs besides."""

Reads = Literal["nothing", "elite", "all"]


def affordable(steps: int | None, size: int, parameters: int, workers: int) -> int:
    """After how many finished trials `auto` leaves TPE: when asking would take a twentieth of the time.

    By counts and the speeds of an ordinary core, not by what this machine takes: a study that is run twice, or resumed,
    asks the same.

    Args:
        steps: of the optimiser in a trial; None where they are not known.
        size: trials of a pack.
        parameters: that are searched.
        workers: packs in training at once.
    """
    if steps is None:
        return AFFORDABLE
    pack_ms = size * (_TRIAL_MS + _STEP_MS * steps) / workers
    at_first, more = (fit + size * draw for fit, draw in zip(_FIT_MS, _DRAW_MS, strict=True))
    trials = (_SHARE * pack_ms / max(parameters, 1) - at_first) / more
    return int(min(max(trials, _LEAST), AFFORDABLE))


class Ask(NamedTuple):
    """What a sampler may depend on.

    seed: the method's, the same for all its packs; number: the pack's first trial; finished: how many trials
    are told; seeds: how many trials in a row share one configuration; space: what is searched, over all
    branches; affordable: how many finished trials `auto` fits TPE to.
    """

    seed: int
    number: int
    finished: int
    seeds: int
    space: Mapping[str, BaseDistribution]
    affordable: int = AFFORDABLE

    @property
    def pack_seed(self) -> int:
        """A seed that numpy takes (32 bits), another for each pack."""
        return seed_of(self.seed, self.number) >> 31


def sampler(settings: SamplerSettings, ask: Ask) -> BaseSampler:
    """The configured sampler, for one pack.

    A user's own is made by a function, ``module:make_sampler``, called with ``ask`` and the options beside the name.

    Raises:
        StudyError: there is no such function, or what it makes is no sampler.
    """
    if ":" not in settings.name:
        return SAMPLERS[settings.name](settings, ask)
    made = load_function(settings.name, "sampler")(ask, **settings.options)
    if not isinstance(made, BaseSampler):
        raise StudyError(f"sampler: expected {settings.name} to make an optuna sampler, but got {made!r}")
    return made


class SteadyNSGAII(NSGAIISampler):
    """NSGA-II in its steady-state form: parents are the elite of all trials finished so far.

    Optuna's own breeds by generations, which it stores with its trials. Here nothing is stored, slow trials
    are not forgotten when their generation is over, and trials that another sampler proposed are parents,
    too.

    Reference: Durillo et al., "On the effect of the steady-state selection scheme in multi-objective genetic
    algorithms", EMO 2009.
    """

    # Of one pack, whose asks see the same finished trials.
    _population: list[FrozenTrial] | None = None
    _parents: list[FrozenTrial] | None = None
    _shared: dict[str, BaseDistribution] | None = None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        if self._shared is None:
            self._shared = super().infer_relative_search_space(study, trial)
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


class Sobol(BaseSampler):
    """Scrambled Sobol points: configuration n is the n-th point, whatever was asked or told before.

    Optuna's own draws the first configuration at random and counts the others in its storage. A branch of
    the space that is not taken leaves its coordinates unused.

    Reference: Owen, "Scrambling Sobol' and Niederreiter-Xing points", J. Complexity 1998.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._space = dict(ask.space)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        point = self._point(trial.number // self._ask.seeds)
        return {name: _at(self._space[name], point[name]) for name in search_space}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The same coordinate in a narrower range: a branch may search a part of what all branches span."""
        return _at(param_distribution, self._point(trial.number // self._ask.seeds)[param_name])

    def _point(self, index: int) -> dict[str, float]:
        """The coordinates, each in [0, 1), by parameter."""
        if not self._space:
            return {}
        from scipy.stats import qmc  # slow to import, and few studies need it

        engine = qmc.Sobol(len(self._space), scramble=True, rng=np.random.default_rng(self._ask.seed))
        if index:
            engine.fast_forward(index)
        return dict(zip(self._space, map(float, engine.random(1)[0]), strict=True))


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


def _tpe(settings: SamplerSettings, ask: Ask) -> BaseSampler:
    return PackTPE(seed=ask.pack_seed, n_startup_trials=settings.options["startup"])


def _nsga2(settings: SamplerSettings, ask: Ask) -> BaseSampler:
    return SteadyNSGAII(seed=ask.pack_seed, population_size=settings.options["population"])


def _auto(settings: SamplerSettings, ask: Ask) -> BaseSampler:
    return (_tpe if ask.finished <= ask.affordable else _nsga2)(settings, ask)


def _random(settings: SamplerSettings, ask: Ask) -> BaseSampler:
    return RandomSampler(seed=ask.pack_seed)


def _qmc(settings: SamplerSettings, ask: Ask) -> BaseSampler:
    return Sobol(ask)


SAMPLERS: Mapping[str, Callable[[SamplerSettings, Ask], BaseSampler]] = {
    "auto": _auto,
    "tpe": _tpe,
    "nsga2": _nsga2,
    "random": _random,
    "qmc": _qmc,
}


def reads(settings: SamplerSettings, ask: Ask) -> Reads:
    """Which of the finished trials a sampler looks at from now on."""
    if settings.name in ("random", "qmc"):
        return "nothing"
    if settings.name == "nsga2" or (settings.name == "auto" and ask.finished > ask.affordable):
        return "elite"
    return "all"


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
