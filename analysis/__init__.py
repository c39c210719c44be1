"""Pareto analysis of studies: load, fronts, hypervolume, tables and figures. Loads neither torch nor ray."""

from analysis.attainment import attainment, attainment_difference
from analysis.figures.attainment import AttainmentData, attainment_data, attainment_figure
from analysis.figures.style import save
from analysis.front import admissible, distinct, excluded, left_out, pareto
from analysis.figures.front import FrontData, front_data, front_figure
from analysis.hypervolume import Reference, hypervolume, reference_of
from analysis.indicators import contributions, indicators
from analysis.intervals import intervals
from analysis.load import Study, load
from analysis.operating_points import compression_at_drop, score_at_compression
from analysis.runs import Estimate, estimate, per_run, runs
from analysis.summary import Baseline, baseline, fewest, summary
from analysis.superiority import superiority
from analysis.table import Column, Table
from analysis.trajectory import spent, trajectory

__all__ = [
    "AttainmentData",
    "Baseline",
    "Column",
    "Estimate",
    "FrontData",
    "Reference",
    "Study",
    "Table",
    "admissible",
    "attainment",
    "attainment_data",
    "attainment_difference",
    "attainment_figure",
    "baseline",
    "compression_at_drop",
    "contributions",
    "distinct",
    "estimate",
    "excluded",
    "fewest",
    "front_data",
    "front_figure",
    "hypervolume",
    "indicators",
    "intervals",
    "left_out",
    "load",
    "pareto",
    "per_run",
    "reference_of",
    "runs",
    "save",
    "score_at_compression",
    "spent",
    "summary",
    "superiority",
    "trajectory",
]
