"""Figures for papers: for each what is shown (`*_data`, tested) and the drawing (`*_figure`)."""

from analysis.figures.attainment import AttainmentData, attainment_data, attainment_figure
from analysis.figures.boundary import Boundaries, BoundaryData, boundary_data, boundary_figure
from analysis.figures.budget import BudgetData, budget_data, budget_figure
from analysis.figures.catalogue import Drawable, Subject, draw, drawables, every
from analysis.figures.front import FrontData, front_data, front_figure, marks_of
from analysis.figures.hypervolume import HypervolumeData, hypervolume_data, hypervolume_figure
from analysis.figures.importance import importance_figure
from analysis.figures.learning import LearningData, learning_data, learning_figure
from analysis.figures.over_sets import (
    RanksData,
    fronts_over_sets_data,
    fronts_over_sets_figure,
    ranks_data,
    ranks_figure,
)
from analysis.figures.pairs import PairsData, pairs_data, pairs_figure
from analysis.figures.parallel import ParallelData, parallel_data, parallel_figure
from analysis.figures.sharpness import SHARPNESS, SharpnessData, Stages, sharpness_data, sharpness_figure, stages_of
from analysis.figures.slices import SlicesData, slices_data, slices_figure
from analysis.figures.style import SUFFIXES, save
from analysis.figures.timeline import TimelineData, timeline_data, timeline_figure
from analysis.figures.tolerance import ToleranceData, tolerance_data, tolerance_figure
from analysis.figures.widths import WidthsData, widths_data, widths_figure

__all__ = [
    "SHARPNESS",
    "SUFFIXES",
    "AttainmentData",
    "Boundaries",
    "BoundaryData",
    "BudgetData",
    "Drawable",
    "FrontData",
    "HypervolumeData",
    "LearningData",
    "PairsData",
    "ParallelData",
    "RanksData",
    "SharpnessData",
    "SlicesData",
    "Stages",
    "Subject",
    "TimelineData",
    "ToleranceData",
    "WidthsData",
    "attainment_data",
    "attainment_figure",
    "boundary_data",
    "boundary_figure",
    "budget_data",
    "budget_figure",
    "draw",
    "drawables",
    "every",
    "front_data",
    "front_figure",
    "fronts_over_sets_data",
    "fronts_over_sets_figure",
    "hypervolume_data",
    "hypervolume_figure",
    "importance_figure",
    "learning_data",
    "learning_figure",
    "marks_of",
    "pairs_data",
    "pairs_figure",
    "parallel_data",
    "parallel_figure",
    "ranks_data",
    "ranks_figure",
    "save",
    "sharpness_data",
    "sharpness_figure",
    "slices_data",
    "slices_figure",
    "stages_of",
    "timeline_data",
    "timeline_figure",
    "tolerance_data",
    "tolerance_figure",
    "widths_data",
    "widths_figure",
]
