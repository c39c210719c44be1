"""Numbers about fronts: which trials are on them, how good they are, how sure that is; frames in, frames out."""

from analysis.statistics.answers import Answers, unpacked
from analysis.statistics.attainment import attainment, attainment_difference
from analysis.statistics.borders import Border, borders
from analysis.statistics.claims import claims, tolerances
from analysis.statistics.definitions import (
    BASELINE,
    BOUND,
    DEFAULT,
    KEPT,
    REQUIRED,
    Baseline,
    Reference,
    admissible,
    baseline,
    baseline_of_search,
    best_of,
    collapsed,
    configurations,
    distinct,
    excluded,
    fewest,
    front_mask,
    front_members,
    left_out,
    narrowed,
    pareto,
    reference_of,
    runs,
)
from analysis.statistics.effort import epochs_trained
from analysis.statistics.equal_budgets import equal_budgets, expected_front
from analysis.statistics.estimates import FEW, Estimate, estimate, per_run, said_of_runs, said_of_shape
from analysis.statistics.hypervolume import hypervolume, rank_stability
from analysis.statistics.indicators import contributions, indicators
from analysis.statistics.optimism import Optimism, optimism
from analysis.statistics.over_sets import alike, critical_difference, friedman, ranks, wilcoxon_holm, win_tie_loss
from analysis.statistics.parameters import importance, logarithmic, searched
from analysis.statistics.significance import best_by_test, difference, told_apart
from analysis.statistics.superiority import superiority
from analysis.statistics.tests import holm, mcnemar
from analysis.statistics.timeline import packs
from analysis.statistics.trajectory import Budget, spent, trajectory

__all__ = [
    "BASELINE",
    "BOUND",
    "DEFAULT",
    "FEW",
    "KEPT",
    "REQUIRED",
    "Answers",
    "Baseline",
    "Border",
    "Budget",
    "Estimate",
    "Optimism",
    "Reference",
    "admissible",
    "alike",
    "attainment",
    "attainment_difference",
    "baseline",
    "baseline_of_search",
    "best_by_test",
    "best_of",
    "borders",
    "claims",
    "collapsed",
    "configurations",
    "contributions",
    "critical_difference",
    "difference",
    "distinct",
    "epochs_trained",
    "equal_budgets",
    "estimate",
    "excluded",
    "expected_front",
    "fewest",
    "friedman",
    "front_mask",
    "front_members",
    "holm",
    "hypervolume",
    "importance",
    "indicators",
    "left_out",
    "logarithmic",
    "mcnemar",
    "narrowed",
    "optimism",
    "packs",
    "pareto",
    "per_run",
    "rank_stability",
    "ranks",
    "reference_of",
    "runs",
    "said_of_runs",
    "said_of_shape",
    "searched",
    "spent",
    "superiority",
    "told_apart",
    "tolerances",
    "trajectory",
    "unpacked",
    "wilcoxon_holm",
    "win_tie_loss",
]
