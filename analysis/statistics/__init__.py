"""Numbers about fronts: which trials are on them, how good they are, how sure that is; frames in, frames out."""

from analysis.statistics.attainment import attainment, attainment_difference
from analysis.statistics.baseline import BASELINE, Baseline, baseline, baseline_over_runs, best_of, fewest
from analysis.statistics.front import DEFAULT, admissible, distinct, excluded, front_mask, left_out, pareto
from analysis.statistics.hypervolume import Reference, hypervolume, reference_of
from analysis.statistics.indicators import contributions, indicators
from analysis.statistics.parameters import importance, logarithmic, searched
from analysis.statistics.runs import Estimate, estimate, per_run, runs, said_of_runs
from analysis.statistics.superiority import superiority
from analysis.statistics.timeline import packs
from analysis.statistics.trajectory import Budget, spent, trajectory

__all__ = [
    "BASELINE",
    "DEFAULT",
    "Baseline",
    "Budget",
    "Estimate",
    "Reference",
    "admissible",
    "attainment",
    "attainment_difference",
    "baseline",
    "baseline_over_runs",
    "best_of",
    "contributions",
    "distinct",
    "estimate",
    "excluded",
    "fewest",
    "front_mask",
    "hypervolume",
    "importance",
    "indicators",
    "left_out",
    "logarithmic",
    "packs",
    "pareto",
    "per_run",
    "reference_of",
    "runs",
    "said_of_runs",
    "searched",
    "spent",
    "superiority",
    "trajectory",
]
