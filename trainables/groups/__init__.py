"""What vanishes together when a unit goes: layers, their units and who reads them, found in any nn.Module.

`trace` finds the structure once per network; `liveness` says for all lanes at once which units are needed.
"""

from trainables.groups.graph import Alive, Edge, Graph, Layer, Norm, everything
from trainables.groups.liveness import liveness
from trainables.groups.tracing import trace
from trainables.groups.views import outgoing_matrix, unit_matrix, write_outgoing, write_units

__all__ = [
    "Alive",
    "Edge",
    "Graph",
    "Layer",
    "Norm",
    "everything",
    "liveness",
    "outgoing_matrix",
    "trace",
    "unit_matrix",
    "write_outgoing",
    "write_units",
]
