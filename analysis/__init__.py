"""Pareto analysis of studies: load, fronts, hypervolume, tables, figures and a report. Loads neither torch nor ray."""

from analysis.attainment import attainment, attainment_difference
from analysis.audit import Check, audit
from analysis.axes import measured
from analysis.comparison import compare, settings_that_differ
from analysis.figures.attainment import AttainmentData, attainment_data, attainment_figure
from analysis.figures.boundary import Boundaries, BoundaryData, boundary_data, boundary_figure
from analysis.figures.budget import BudgetData, budget_data, budget_figure
from analysis.figures.front import FrontData, front_data, front_figure
from analysis.figures.hypervolume import HypervolumeData, hypervolume_data, hypervolume_figure
from analysis.figures.importance import importance_figure
from analysis.figures.learning import LearningData, learning_data, learning_figure
from analysis.figures.parallel import ParallelData, parallel_data, parallel_figure
from analysis.figures.sharpness import SharpnessData, sharpness_data, sharpness_figure
from analysis.figures.slices import SlicesData, slices_data, slices_figure
from analysis.figures.style import save
from analysis.figures.widths import WidthsData, widths_data, widths_figure
from analysis.front import admissible, distinct, excluded, left_out, pareto
from analysis.hypervolume import Reference, hypervolume, reference_of
from analysis.indicators import contributions, indicators
from analysis.intervals import intervals
from analysis.load import Study, load
from analysis.operating_points import compression_at_drop, score_at_compression
from analysis.parameters import importance
from analysis.provenance import provenance
from analysis.report.page import page, write_page
from analysis.report.watch import keep_current
from analysis.runs import Estimate, estimate, per_run, runs
from analysis.sentences import sentences
from analysis.summary import Baseline, baseline, fewest, summary
from analysis.superiority import superiority
from analysis.table import Column, Table
from analysis.trajectory import spent, trajectory

__all__ = [
    "AttainmentData",
    "Baseline",
    "Boundaries",
    "BoundaryData",
    "BudgetData",
    "Check",
    "Column",
    "Estimate",
    "FrontData",
    "HypervolumeData",
    "LearningData",
    "ParallelData",
    "Reference",
    "SharpnessData",
    "SlicesData",
    "Study",
    "Table",
    "WidthsData",
    "admissible",
    "attainment",
    "attainment_data",
    "attainment_difference",
    "attainment_figure",
    "audit",
    "baseline",
    "boundary_data",
    "boundary_figure",
    "budget_data",
    "budget_figure",
    "compare",
    "compression_at_drop",
    "contributions",
    "distinct",
    "estimate",
    "excluded",
    "fewest",
    "front_data",
    "front_figure",
    "hypervolume",
    "hypervolume_data",
    "hypervolume_figure",
    "importance",
    "importance_figure",
    "indicators",
    "intervals",
    "keep_current",
    "learning_data",
    "learning_figure",
    "left_out",
    "load",
    "measured",
    "page",
    "parallel_data",
    "parallel_figure",
    "pareto",
    "per_run",
    "provenance",
    "reference_of",
    "runs",
    "save",
    "score_at_compression",
    "sentences",
    "settings_that_differ",
    "sharpness_data",
    "sharpness_figure",
    "slices_data",
    "slices_figure",
    "spent",
    "summary",
    "superiority",
    "trajectory",
    "widths_data",
    "widths_figure",
    "write_page",
]
