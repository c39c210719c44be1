"""Who proposes configurations: Optuna's samplers as whole packs ask them, and those that learn nothing."""

from study.search.samplers.by_name import AFFORDABLE, SAMPLERS, Ask, Reads, affordable, reads, sampler
from study.search.samplers.genetic import SteadyNSGAII
from study.search.samplers.tpe import PackTPE

__all__ = ["AFFORDABLE", "SAMPLERS", "Ask", "PackTPE", "Reads", "SteadyNSGAII", "affordable", "reads", "sampler"]
