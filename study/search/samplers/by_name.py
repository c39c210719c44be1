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

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, GPSampler, RandomSampler

from study.search.samplers.cma import ReplayedCMA
from study.search.samplers.genetic import SteadyNSGAII, SteadyNSGAIII
from study.search.samplers.points import Grid, Sobol
from study.search.samplers.tpe import PackTPE
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
_FIT_MS, _DRAW_MS = (0.15, 0.0022), (0.28, 0.0013)
"""Of a pack's fit and of each of its trials, for every parameter: at first, and more for each finished trial.

By `python -m benchmarks.ask_speed`."""
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
    branches; affordable: how many finished trials `auto` fits TPE to; repeats: trials before it that train a
    configuration again, which Optuna does not know.
    """

    seed: int
    number: int
    finished: int
    seeds: int
    space: Mapping[str, BaseDistribution]
    affordable: int = AFFORDABLE
    repeats: int = 0

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


def _tpe(settings: SamplerSettings, ask: Ask) -> BaseSampler:
    return PackTPE(seed=ask.pack_seed, n_startup_trials=settings.options["startup"])


def _nsga2(settings: SamplerSettings, ask: Ask) -> BaseSampler:
    return SteadyNSGAII(seed=ask.pack_seed, population_size=settings.options["population"])


def _auto(settings: SamplerSettings, ask: Ask) -> BaseSampler:
    return (_tpe if ask.finished <= ask.affordable else _nsga2)(settings, ask)


def _random(settings: SamplerSettings, ask: Ask) -> BaseSampler:
    return RandomSampler(seed=ask.pack_seed)


def _qmc(settings: SamplerSettings, ask: Ask) -> BaseSampler:
    return Sobol(ask.space, ask.seed, ask.seeds, ask.repeats)


def _grid(settings: SamplerSettings, ask: Ask) -> BaseSampler:
    return Grid(ask.space, ask.seed, ask.seeds, ask.repeats, settings.options["points"])


def _nsga3(settings: SamplerSettings, ask: Ask) -> BaseSampler:
    population, divisions = settings.options["population"], settings.options["divisions"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return SteadyNSGAIII(seed=ask.pack_seed, population_size=population, dividing_parameter=divisions)


def _gp(settings: SamplerSettings, ask: Ask) -> BaseSampler:
    startup = settings.options["startup"]
    return GPSampler(seed=ask.pack_seed, n_startup_trials=startup, warn_independent_sampling=False)


def _cmaes(settings: SamplerSettings, ask: Ask) -> BaseSampler:
    return ReplayedCMA(ask.pack_seed, settings.options["population"], settings.options["startup"])


SAMPLERS: Mapping[str, Callable[[SamplerSettings, Ask], BaseSampler]] = {
    "auto": _auto,
    "tpe": _tpe,
    "nsga2": _nsga2,
    "random": _random,
    "nsga3": _nsga3,
    "gp": _gp,
    "cmaes": _cmaes,
    "qmc": _qmc,
    "grid": _grid,
}


def reads(settings: SamplerSettings, ask: Ask) -> Reads:
    """Which of the finished trials a sampler looks at from now on."""
    if settings.name in ("random", "qmc", "grid"):
        return "nothing"
    if settings.name == "nsga2" or (settings.name == "auto" and ask.finished > ask.affordable):
        return "elite"
    return "all"
