"""The layers that read the groups of a set, and which of their columns are of which group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from trainables.groups.graph import Graph
from trainables.groups.layer import Layer
from trainables.groups.views import columns_of

Params = dict[str, Tensor]


@dataclass(frozen=True)
class Reader:
    """A layer with columns of the groups of a set."""

    layer: Layer
    groups: tuple[int, ...]
    """The group of each column; -1 where it is of none."""

    @cached_property
    def _index(self) -> Tensor:
        return torch.tensor(self.groups)

    @property
    def size(self) -> int:
        """Weights in columns of any group."""
        each = self.layer.units // self.layer.groups * self.layer.kernel
        return each * sum(group >= 0 for group in self.groups)

    def spread(self, factors: Tensor, dims: int) -> Tensor:
        """(P, count) -> what the weight (P, units, inputs/groups, *kernel) of ``dims`` axes is multiplied with."""
        index, layer = self._index.to(factors.device), self.layer
        columns = factors[:, index.clamp_min(0)].masked_fill(index < 0, 1).view(len(factors), layer.groups, 1, -1)
        rows = columns.expand(-1, -1, 1 if layer.groups == 1 else layer.units // layer.groups, -1).flatten(1, 2)
        return rows.reshape(rows.shape + (1,) * (dims - 3))

    def squares(self, params: Params, count: int) -> Tensor:
        """(P, count): the sum of squares of each group's columns."""
        columns = columns_of(params[self.layer.weight], self.layer).square().flatten(2).sum(2)
        index = self._index.to(columns.device)
        found = columns.new_zeros(len(columns), count + 1)
        return found.index_add_(1, index.where(index >= 0, count), columns)[:, :count]


def readers(graph: Graph, members: tuple[Layer, ...]) -> tuple[Reader, ...]:
    """Of the groups of a set (`Graph.sets`), those in the set itself apart; of heads, what reads what they give."""
    found: dict[str, list[int]] = {}
    own = {layer.name for layer in members}
    for layer in members:
        groups = layer.together or tuple(range(layer.units))
        for edge in layer.feeds or (layer.steers if layer.what == "heads" else ()):
            if edge.layer not in own:
                columns = found.setdefault(edge.layer, [-1] * graph.layer(edge.layer).inputs)
                units = edge.picks or tuple(unit for unit in range(layer.units) for _ in range(edge.repeat))
                columns[edge.span(layer.units)] = [groups[unit] for unit in units]
    return tuple(Reader(graph.layer(name), tuple(columns)) for name, columns in found.items())


def gate_factors(
    params: Params, members: tuple[Layer, ...], reading: tuple[Reader, ...], gate: Tensor
) -> dict[str, Tensor]:
    """What each parameter is multiplied with where groups of a set have gates (P, count); by one of zero, a group is
    without effect.

    Of heads these are the columns that read them, of dimensions the rows of v, and of q rather than k; of all others
    the rows, their own batch norm's where there is one, and their numbers outside of layers.
    """
    if members[0].what == "heads":
        weights = [(reader, reader.layer.weight) for reader in reading]
        return {name: reader.spread(gate, params[name].dim()) for reader, name in weights}
    found = {}
    for layer in members:
        rows = layer.ungrouped(gate).where(_gated(layer).to(gate.device), 1)
        for name in layer.rows[-2:] if layer.norm and not layer.normed else layer.rows:
            found[name] = rows.reshape(rows.shape + (1,) * (params[name].dim() - 2))
    return found | {part.name: part.spread(gate, params[part.name].dim()) for part in members[0].besides}


def gated_weights(members: tuple[Layer, ...], reading: tuple[Reader, ...]) -> int:
    """Weights of layers that the gate of a group acts on, without biases."""
    if members[0].what == "heads":
        total = sum(reader.size for reader in reading)
    else:
        total = sum(int(_gated(x).sum()) * (x.inputs // x.groups) * x.kernel for x in members)
    return total // members[0].count


def _gated(layer: Layer) -> Tensor:
    """(units,) bool."""
    return layer.factor != 1 if layer.what == "dimensions" else torch.ones(layer.units, dtype=torch.bool)
