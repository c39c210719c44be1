"""The structure of a network as data: its layers and all that follows their units, masks of what stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from trainables.errors import not_one_of
from trainables.groups.layer import Edge, Layer
from trainables.groups.mixing import Mixing

KINDS = ("units", "heads", "dimensions", "channels", "stream")
"""What may go together, see `Layer.what`; the dimensions inside of heads are `Graph.dimensions`."""


@dataclass(frozen=True)
class Norm:
    """A module, or a lone tensor, with numbers per channel that are cut along with the units that pass through it."""

    name: str
    channels: int
    parameters: int
    """Parameters per channel."""
    bytes: int
    """Bytes per channel, buffers included."""
    tensor: str = ""
    """The path of the lone tensor, a table of positions say; empty for modules."""
    axis: int = 0
    """The tensor's axis of channels."""
    mixing: Mixing | None = None
    """What it computes, if that is of all channels together."""


@dataclass(frozen=True)
class Size:
    """A number that a module keeps for its forward pass, and that follows the units of a layer (heads, say)."""

    module: str
    attribute: str
    layer: str
    units: int
    """Units of the layer for each one of the number."""


@dataclass(frozen=True)
class Product:
    """What the products inside an attention cost for each group of a layer, in multiply-adds of one example."""

    layer: str
    macs: int


@dataclass(frozen=True)
class Alive:
    """Masks (P, n) of what stays in the networks of P lanes."""

    units: dict[str, Tensor]
    """(P, units) bool by layer."""
    inputs: Tensor
    """(P, input_features) bool."""
    biases: dict[str, Tensor]
    """(P,) bool by layer without a bias of its own: whether it is given one, to hold folded constants."""

    def __getitem__(self, layer: str) -> Tensor:
        return self.units[layer]

    @property
    def lanes(self) -> int:
        return len(self.inputs)

    def lane(self, index: int) -> Alive:
        """The masks of one lane, its axis kept."""
        return self._each(lambda mask: mask[index : index + 1])

    def to(self, device: torch.device | str) -> Alive:
        return self._each(lambda mask: mask.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Alive:
        return Alive(
            {name: change(mask) for name, mask in self.units.items()},
            change(self.inputs),
            {name: change(mask) for name, mask in self.biases.items()},
        )


@dataclass(frozen=True)
class Graph:
    """A traced network. ``other_*`` count what belongs to no layer or norm and never changes."""

    layers: tuple[Layer, ...]
    """In forward order."""
    norms: tuple[Norm, ...]
    readers: tuple[str, ...]
    """The layers whose columns are the network's input features; none where features cannot be removed."""
    input_features: int
    """Features, or channels, that the readers read."""
    other_parameters: int
    other_bytes: int
    other_macs: int
    skeleton: nn.Module
    """A copy of the module in eval mode, to be run with the tensors of a lane; its norms' own are reset."""
    example: Tensor
    """(1, *input shape)."""
    kinds: tuple[str, ...] = ("units", "heads", "channels")
    """The kinds of groups that methods make smaller; the others stay as long as training leaves them."""
    products: tuple[Product, ...] = ()
    sizes: tuple[Size, ...] = ()

    @property
    def hidden(self) -> tuple[Layer, ...]:
        """The layers whose units may be removed."""
        return tuple(layer for layer in self.layers if layer.hidden)

    @cached_property
    def macs(self) -> int:
        """Multiply-adds of one example in the whole network."""
        layers = sum(x.positions * x.units * (x.inputs // x.groups) * x.kernel for x in self.layers)
        return self.other_macs + layers + sum(p.macs * self.layer(p.layer).count for p in self.products)

    def fix(self, reasons: dict[int, str]) -> Graph:
        """The graph whose sets of these numbers lose no units, for these reasons."""
        layers = (replace(layer, fixed=layer.fixed or reasons.get(layer.tie, "")) for layer in self.layers)
        return replace(self, layers=tuple(layers))

    @property
    def whole(self) -> dict[str, str]:
        """Why a layer loses no unit, by name: the layers that are left whole. The output's are not among them."""
        return {layer.name: layer.fixed for layer in self.layers if layer.fixed and not layer.output}

    @cached_property
    def by_name(self) -> dict[str, Layer]:
        return {layer.name: layer for layer in self.layers}

    def layer(self, name: str) -> Layer:
        """Raises ValueError if there is none of this name, naming the nearest."""
        if name not in self.by_name:
            raise not_one_of("layer", name, self.by_name)
        return self.by_name[name]

    @cached_property
    def sources(self) -> dict[str, tuple[tuple[Layer, Edge], ...]]:
        """The layers that a layer or norm reads from, each with its edge."""
        found: dict[str, list[tuple[Layer, Edge]]] = {}
        for layer in self.layers:
            for edge in (*layer.feeds, *layer.norms):
                found.setdefault(edge.layer, []).append((layer, edge))
        return {name: tuple(pairs) for name, pairs in found.items()}

    @cached_property
    def ties(self) -> tuple[tuple[Layer, ...], ...]:
        """The sets of layers whose units go together, in forward order."""
        sets: dict[int, list[Layer]] = {}
        for layer in self.layers:
            sets.setdefault(layer.tie, []).append(layer)
        return tuple(tuple(members) for members in sets.values())

    @cached_property
    def sets(self) -> tuple[tuple[Layer, ...], ...]:
        """What methods regularise: a layer, or layers whose units are one group each time (`joint`), in forward order.

        A layer that nothing is tied to is there even if it cannot lose units, that of the output for one. Dimensions of
        heads are sets of their own.
        """
        found: list[tuple[Layer, ...]] = []
        for members in self.ties:
            first = members[0]
            allowed = first.hidden and first.what in self.kinds
            together = first.tied or first.normed or first.what == "heads"
            if allowed and (together or any(member.depthwise for member in members)):
                found.append(members)
            elif not first.tied and (allowed or not first.hidden):
                found += [(member,) for member in members]
        found.sort(key=lambda members: self.layers.index(members[0]))
        if "dimensions" not in self.kinds:
            return tuple(found)
        # Before the heads that they are of: so one proximal step after the other is that of both norms.
        place = {members[0].tie: self.layers.index(members[0]) for members in reversed(self.ties)}
        return tuple(sorted((*self.dimensions, *found), key=lambda members: place[members[0].tie]))

    @cached_property
    def dimensions(self) -> tuple[tuple[Layer, ...], ...]:
        """The sets of layers whose heads may lose dimensions, as layers whose groups those are, in forward order."""
        found: dict[int, list[Layer]] = {}
        for layer in self.layers:
            if layer.inside and layer.hidden:
                own = replace(layer, together=layer.inside.groups, what="dimensions", besides=())
                found.setdefault(layer.inside.tie, []).append(own)
        return tuple(tuple(members) for members in found.values())

    def heads(self, masks: dict[str, Tensor]) -> dict[str, Tensor]:
        """Masks of units (P, units) -> the same, with all units of the heads of which any is left."""
        found = dict(masks)
        for members in self.ties:
            if any(layer.inside for layer in members) and members[0].hidden:
                groups = torch.stack([layer.grouped(masks[layer.name]) for layer in members]).any(0)
                found |= {layer.name: layer.ungrouped(groups) for layer in members}
        return found

    def columns(self, name: str, channels: int, masks: dict[str, Tensor]) -> Tensor | None:
        """Masks of units (P, units) -> mask (P, channels) of the columns of layer or norm ``name``.

        A column that several layers are added into is True where any of them is; one that belongs to no
        layer is True. None stands for all True.
        """
        sources = [(masks[layer.name], layer.units, edge) for layer, edge in self.sources.get(name, ())]
        if not sources:
            return None
        mask, units, edge = sources[0]
        if len(sources) == 1 and edge.span(units) == slice(0, channels):
            return edge.arriving(mask)
        out = mask.new_ones(len(mask), channels)
        for _, units, edge in sources:
            out[:, edge.span(units)] = False
        for mask, units, edge in sources:
            out[:, edge.span(units)] |= edge.arriving(mask)
        return out

    def inputs(self, like: Tensor) -> Tensor:
        """The example on the device and, unless it holds whole numbers, in the dtype of ``like``."""
        return self.example.to(like if self.example.is_floating_point() else like.device)


def everything(graph: Graph, lanes: int = 1) -> Alive:
    """The masks of whole networks."""
    units = {layer.name: torch.ones(lanes, layer.units, dtype=torch.bool) for layer in graph.layers}
    return Alive(units, torch.ones(lanes, graph.input_features, dtype=torch.bool), {})
