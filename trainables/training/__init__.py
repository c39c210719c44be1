"""The stacked training loop and what serves it; it knows the Method contract and no method by name."""

from trainables.training.equivalence import EXAMPLES, Outcome, outcomes
from trainables.training.optim import Schedule
from trainables.training.pack import Job, Pack
from trainables.training.shrink import worthwhile
from trainables.training.stack import Recipe, Stack, Trial

__all__ = ["EXAMPLES", "Job", "Outcome", "Pack", "Recipe", "Schedule", "Stack", "Trial", "outcomes", "worthwhile"]
