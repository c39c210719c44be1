"""The methods by name; a new one is its file, its search space and a line here."""

from __future__ import annotations

from trainables.methods.base import Clock, Knob, Knobs, Method, Params, Setting, State, knows, stack_knobs, stack_lr
from trainables.methods.dense import Dense
from trainables.methods.drop_neuron import DropNeuron
from trainables.methods.exclusive_group import ExclusiveGroup
from trainables.methods.group_lasso import GroupLasso
from trainables.methods.npn import NPN
from trainables.methods.pruning import MagnitudePruning, RandomPruning
from trainables.methods.sparse_group_lasso import SparseGroupLasso

METHODS: dict[str, type[Method]] = {
    method.name: method
    for method in (
        Dense,
        GroupLasso,
        SparseGroupLasso,
        ExclusiveGroup,
        DropNeuron,
        NPN,
        MagnitudePruning,
        RandomPruning,
    )
}

__all__ = [
    "METHODS",
    "NPN",
    "Clock",
    "Dense",
    "DropNeuron",
    "ExclusiveGroup",
    "GroupLasso",
    "Knob",
    "Knobs",
    "MagnitudePruning",
    "Method",
    "Params",
    "RandomPruning",
    "Setting",
    "SparseGroupLasso",
    "State",
    "knows",
    "stack_knobs",
    "stack_lr",
]
