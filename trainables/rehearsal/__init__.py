"""What a study would train, tried out in seconds on a few examples: the data, the network, a step of every method."""

from trainables.rehearsal.data import DataFacts, examine
from trainables.rehearsal.network import LayerFacts, NetworkFacts, inspect
from trainables.rehearsal.stacking import Stacking, family, stacking
from trainables.rehearsal.steps import StepFacts, Trials, bytes_of_pack, rehearse, seconds_per_step
from trainables.rehearsal.widths import best_width

__all__ = [
    "DataFacts",
    "LayerFacts",
    "NetworkFacts",
    "Stacking",
    "StepFacts",
    "Trials",
    "best_width",
    "bytes_of_pack",
    "examine",
    "family",
    "inspect",
    "rehearse",
    "seconds_per_step",
    "stacking",
]
