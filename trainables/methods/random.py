"""Random pruning: any units go, the floor that every other criterion has to beat."""

from __future__ import annotations

from torch import Tensor

from trainables.declarations import declared
from trainables.groups import Layer, joint
from trainables.math import uniform
from trainables.methods.base import Params, State
from trainables.methods.magnitude import MagnitudePruning

_PURPOSE = 7


class RandomPruning(MagnitudePruning):
    declaration = declared("random")

    def saliency(self, params: Params, state: State, layer: Layer) -> Tensor:
        groups = layer.count if joint(self._members(layer)) else layer.units
        place = list(self.graph.by_name).index(layer.name)
        return uniform(state["seeds"], (groups,), _PURPOSE, *((place, 1) if layer.what == "dimensions" else (place,)))
