"""What vanishes together when a unit goes: layers, their units and who reads them, found in any nn.Module.

`trace` finds the structure once per network; `liveness` says for all lanes at once which units are needed.
"""

from trainables.groups.calling import call
from trainables.groups.graph import KINDS, Alive, Graph, Norm, everything
from trainables.groups.layer import Edge, Layer
from trainables.groups.liveness import Sweep, analyse, given_biases, liveness, settle
from trainables.groups.readers import Reader, gate_factors, gated_weights, readers
from trainables.groups.surgery import cut, widen
from trainables.groups.tracing import trace
from trainables.groups.views import (
    group_size,
    group_squares,
    joint,
    outgoing_matrix,
    remove_groups,
    scale_groups,
    scale_units,
    unit_matrix,
    write_outgoing,
    write_units,
)

__all__ = [
    "KINDS",
    "Alive",
    "Edge",
    "Graph",
    "Layer",
    "Norm",
    "Reader",
    "Sweep",
    "analyse",
    "call",
    "cut",
    "everything",
    "gate_factors",
    "gated_weights",
    "given_biases",
    "group_size",
    "group_squares",
    "joint",
    "liveness",
    "outgoing_matrix",
    "readers",
    "remove_groups",
    "scale_groups",
    "scale_units",
    "settle",
    "trace",
    "unit_matrix",
    "widen",
    "write_outgoing",
    "write_units",
]
