"""Where Neural Plasticity Networks have gates: on the units of a layer as published, or on the groups of a set."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from trainables.groups import Graph, Layer, Reader, gate_factors, gated_weights, readers
from trainables.methods.base import Params


@dataclass(frozen=True)
class LayerSite:
    """Gates on the inputs of a linear layer, or on the output channels of a convolution."""

    layer: Layer

    @property
    def name(self) -> str:
        return self.layer.name

    @property
    def count(self) -> int:
        """Gates."""
        return self.layer.units if self.layer.kind == "conv" else self.layer.inputs

    @property
    def weights(self) -> int:
        """Weights on a gate, c_l."""
        layer = self.layer
        return layer.units if layer.kind == "linear" else layer.inputs * layer.kernel // layer.groups

    def factors(self, params: Params, gate: Tensor) -> Params:
        """What each parameter is multiplied with, given the gates (P, count)."""
        if self.layer.kind == "linear":
            return {self.layer.weight: gate.unsqueeze(-2)}
        names = self.layer.rows[-2:] if self.layer.norm else self.layer.rows
        return {name: gate.reshape(gate.shape + (1,) * (params[name].dim() - gate.dim())) for name in names}


@dataclass(frozen=True)
class SetSite:
    """A gate for each group of a set: channels that skip connections add up, heads, ..."""

    members: tuple[Layer, ...]
    reading: tuple[Reader, ...]

    @classmethod
    def of(cls, graph: Graph, members: tuple[Layer, ...]) -> SetSite:
        return cls(members, readers(graph, members))

    @property
    def layer(self) -> Layer:
        """The first of the set."""
        return self.members[0]

    @property
    def name(self) -> str:
        return f"{self.layer.what}.{self.layer.name}"

    @property
    def count(self) -> int:
        return self.layer.count

    @property
    def weights(self) -> int:
        return gated_weights(self.members, self.reading)

    def factors(self, params: Params, gate: Tensor) -> Params:
        return gate_factors(params, self.members, self.reading, gate)


Site = LayerSite | SetSite
