"""The stacked training loop and what serves it; it knows the Method contract and no method by name."""

from trainables.training.distil import read_teacher
from trainables.training.equivalence import EXAMPLES, Outcome, outcomes
from trainables.training.lanes import LaneState
from trainables.training.optim import rate_factor
from trainables.training.pack import Job, Pack, dense_counts
from trainables.training.shrink import worthwhile
from trainables.training.stack import Stack, Trial
from trainables.training.stackable import obstacle, stacked

__all__ = [
    "EXAMPLES",
    "Job",
    "LaneState",
    "Outcome",
    "Pack",
    "Stack",
    "Trial",
    "dense_counts",
    "obstacle",
    "outcomes",
    "rate_factor",
    "read_teacher",
    "stacked",
    "worthwhile",
]
