"""A layer of a network as data: its units, what goes together with them, and where they arrive."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class Edge:
    """Unit u arrives at ``layer`` as the columns (channels) offset + u*repeat .. offset + (u+1)*repeat - 1.

    ``repeat`` is above 1 where a convolution is flattened into a linear layer (H*W). ``folds``: whatever
    lies between hands a unit that is constant on as a constant, the same for all inputs and positions.
    """

    layer: str
    repeat: int = 1
    offset: int = 0
    folds: bool = True
    picks: tuple[int, ...] = ()
    """The units that arrive, one to a column, where it is not all of them in their order (fused q, k and v)."""

    def span(self, units: int) -> slice:
        return slice(self.offset, self.offset + (len(self.picks) or units * self.repeat))

    def arriving(self, mask: Tensor) -> Tensor:
        """(P, units) -> (P, columns of the span)."""
        if self.picks:
            return mask[:, self._picks.to(mask.device)]
        return mask if self.repeat == 1 else mask.repeat_interleave(self.repeat, dim=1)

    def leaving(self, columns: Tensor, units: int) -> Tensor:
        """(P, channels) bool -> (P, units) bool: the units with a column in the mask."""
        own = columns[:, self.span(units)]
        if self.picks:
            counts = own.new_zeros(len(own), units, dtype=torch.int64)
            return counts.index_add_(1, self._picks.to(own.device), own.long()) > 0
        return own if self.repeat == 1 else own.reshape(len(own), units, self.repeat).any(2)

    @cached_property
    def _picks(self) -> Tensor:
        return torch.tensor(self.picks)


@dataclass(frozen=True)
class Part:
    """A parameter outside of layers in which groups have numbers: a norm's, or a table's."""

    name: str
    axis: int
    groups: tuple[int, ...]
    """The group at each place along the axis; -1 where there is none."""
    each: int
    """Numbers at each place."""

    @property
    def size(self) -> int:
        """Numbers that are of any group."""
        return self.each * sum(group >= 0 for group in self.groups)

    def spread(self, factors: Tensor, dims: int) -> Tensor:
        """(P, count) -> what the parameter (P, *shape) of ``dims`` axes in all is multiplied with."""
        index = torch.tensor(self.groups, device=factors.device)
        found = factors[:, index.clamp_min(0)].masked_fill(index < 0, 1)
        shape = [len(factors)] + [1] * (dims - 1)
        shape[self.axis + 1] = -1
        return found.view(shape)

    def scale(self, params: dict[str, Tensor], factors: Tensor) -> None:
        """Multiplies the numbers of each group by its factor (P, count), in place."""
        whole = params[self.name]
        whole.mul_(self.spread(factors, whole.dim()))

    def sums(self, numbers: Tensor, count: int) -> Tensor:
        """(P, *shape of the parameter) -> (P, count): the sum over each group."""
        rows = numbers.movedim(self.axis + 1, 1).reshape(len(numbers), len(self.groups), -1).sum(2)
        index = torch.tensor(self.groups, device=rows.device)
        return rows.new_zeros(len(rows), count + 1).index_add_(1, index.where(index >= 0, count), rows)[:, :count]


@dataclass(frozen=True)
class Inside:
    """The units of a layer as dimensions of its heads: those of q go with those of k, those of v by themselves."""

    tie: int
    """Number of the set of layers that share dimensions."""
    groups: tuple[int, ...]
    """The number of each unit's dimension in its set."""
    factors: tuple[int, ...]
    """Which factor of its dimension a unit is, 0 or 1: it goes where all units of one are zero; -1 for those of v."""


@dataclass(frozen=True)
class Layer:
    """A Linear or convolution and what becomes of its units (output features, output channels)."""

    name: str
    """Module path, e.g. "layers.0"."""
    kind: str
    """"linear" or "conv"."""
    weight: str
    bias: str | None
    units: int
    inputs: int
    """Input features or channels: dimension 1 of the weight times ``groups``."""
    size: int
    """Weights of a unit, bias included; P_l of Alvarez and Salzmann."""
    feeds: tuple[Edge, ...] = ()
    """The layers that read the units; earlier ones too where a normed set reads tables that they are added to."""
    norm: str | None = None
    """Path of the batch norm that acts on the units and on nothing else."""
    norms: tuple[Edge, ...] = ()
    """All modules with parameters per channel (norms, PReLU) on the way to the consumers."""
    output: bool = False
    """Part of the network's output: its units are never removed."""
    tied: bool = False
    """The units are added to those of other layers (a skip connection): they go together or not at all."""
    tie: int = 0
    """Number of the set of layers whose units go together; of its own where nothing is tied."""
    fixed: str = ""
    """Why no unit can be removed; empty where they can."""
    groups: int = 1
    kernel: int = 1
    """Weights per input channel: the product of the kernel's sizes."""
    positions: int = 1
    """Places where the unit is computed for one example: H*W of a convolution's output."""
    input_positions: int = 1
    """Places where a column is read: H*W of a convolution's input."""
    pads: bool = False
    """Pads with zeros, so that a constant input is no constant at the border."""
    together: tuple[int, ...] = ()
    """The number of each unit's group, where units of the layer go together (heads, GroupNorm); else empty."""
    parts: int = 1
    """Equally many groups must stay in each of so many parts of the layer (grouped convolutions)."""
    what: str = "units"
    """What goes together: "units" of layers that may be multiplied with each other, "channels" that are added to
    those of other layers, "heads" of an attention, or the "stream": channels that are added and normed together."""
    normed: bool = False
    """Something takes the norm of all units: a group may go only where all of it is zero, its other parts too."""
    besides: tuple[Part, ...] = ()
    """The first layer of a normed set has those of its groups that are outside of layers."""
    inside: Inside | None = None
    """The dimensions of its heads, where they can go."""
    rigid: str = ""
    """Why they cannot."""
    steers: tuple[Edge, ...] = ()
    """The layers whose columns are of the same heads as units that are no columns themselves: what is weighed by q
    and k."""

    @property
    def hidden(self) -> bool:
        return not self.output and not self.fixed

    @cached_property
    def count(self) -> int:
        """Groups of units that go together."""
        return max(self.together) + 1 if self.together else self.units

    @cached_property
    def _together(self) -> Tensor:
        return torch.tensor(self.together)

    def grouped(self, mask: Tensor) -> Tensor:
        """(P, units) -> (P, count) bool: the groups with a unit in the mask."""
        if not self.together:
            return mask
        counts = mask.new_zeros(len(mask), self.count, dtype=torch.int64)
        return counts.index_add_(1, self._together.to(mask.device), mask.long()) > 0

    def ungrouped(self, groups: Tensor) -> Tensor:
        """(P, count) -> (P, units): what is true of a group, of its units."""
        return groups[:, self._together.to(groups.device)] if self.together else groups

    def closed(self, mask: Tensor) -> Tensor:
        """(P, units) bool: with all units of the groups that have one in the mask."""
        return self.ungrouped(self.grouped(mask)) if self.together else mask

    @cached_property
    def factor(self) -> Tensor:
        """(units,) `Inside.factors`; -1 for all where there are none."""
        return torch.tensor(self.inside.factors if self.inside else [-1] * self.units)

    @property
    def depthwise(self) -> bool:
        return self.groups > 1 and self.groups == self.units == self.inputs

    @property
    def rows(self) -> tuple[str, ...]:
        """Parameters with a row or entry per unit: weight, bias, batch norm's weight and bias."""
        norm = (f"{self.norm}.weight", f"{self.norm}.bias") if self.norm else ()
        return (self.weight, *((self.bias,) if self.bias else ()), *norm)
