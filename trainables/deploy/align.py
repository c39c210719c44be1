"""Compact networks with widths rounded up to multiples of 8, say: some kernels are faster on those.

The units that are added are all zero, weights in and weights out, so the outputs stay what they are. Input features
that are not read come back too: in a small network selecting the others takes longer than multiplying by zeros.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from itertools import chain

import torch
from torch import Tensor, nn

from trainables.deploy.saved import Saved, dense, give_biases, structure
from trainables.groups import Alive, Graph, cut


@torch.no_grad()
def aligned(network: Saved, multiple: int) -> nn.Module:
    """``network`` with all its hidden widths multiples of ``multiple``, or as large as the whole network's.

    It reads all input features.
    """
    graph, alive = structure(network.card)
    whole = _whole(dense(network.card), network.module.state_dict(), graph, alive)
    cut(whole, graph, widened(graph, alive, multiple))
    return whole


def widened(graph: Graph, alive: Alive, multiple: int) -> Alive:
    """The masks of one lane with all inputs, and dead units added until each width is a multiple or none is left."""
    whole = graph.heads(alive.units)
    units = dict(whole)
    for members in graph.ties:
        first = members[0]
        if first.hidden:
            groups = first.grouped(units[first.name])[0]
            mask = _widened(groups, first.parts, first.units // first.count, multiple).unsqueeze(0)
            units |= {member.name: member.ungrouped(mask) for member in members}
    for members in graph.dimensions:
        if all(torch.equal(whole[member.name], alive.units[member.name]) for member in members):
            continue
        possible = members[0].grouped(units[members[0].name])[0]
        groups = torch.stack([member.grouped(alive.units[member.name])[0] for member in members]).any(0)
        size = members[0].units // members[0].count
        width = math.ceil(int(groups.sum()) * size / multiple) * multiple // size
        mask = (possible.int() + groups.int()).argsort(descending=True, stable=True).argsort() < width
        units |= {member.name: units[member.name] & member.ungrouped(mask.unsqueeze(0)) for member in members}
    return Alive(units, torch.ones_like(alive.inputs), alive.biases)


def _widened(groups: Tensor, parts: int, size: int, multiple: int) -> Tensor:
    """Whole groups of ``size`` units are added, equally many in each part."""
    step = math.lcm(multiple, parts * size)
    width = min(math.ceil(int(groups.sum()) * size / step) * step, len(groups) * size) // (parts * size)
    order = groups.view(parts, -1).sort(dim=1, descending=True, stable=True).indices
    return (order.argsort(dim=1) < width).flatten()


def _whole(module: nn.Module, tensors: Mapping[str, Tensor], graph: Graph, alive: Alive) -> nn.Module:
    """``module``, the whole network, with the compact network's tensors at their places and zeros elsewhere.

    Which places these are is found by cutting a copy whose tensors hold the numbers of their elements.
    """
    selected = () if bool(alive.inputs.all()) else graph.readers
    selections = {f"{layer}.0.index" for layer in selected}
    named = {_uncut(name, selected): tensor for name, tensor in tensors.items() if name not in selections}
    give_biases(module, named)
    places = copy.deepcopy(module).double()
    for tensor in chain(places.parameters(), places.buffers()):
        tensor.copy_(torch.arange(tensor.numel()).view(tensor.shape))
    cut(places, graph, alive)
    index = {_uncut(name, selected): tensor.long() for name, tensor in places.state_dict().items()}
    for name, tensor in module.state_dict().items():
        tensor.zero_().view(-1)[index[name].flatten()] = named[name].flatten()
    return module


def _uncut(name: str, selected: tuple[str, ...]) -> str:
    """The name before `cut` put the layers that read the input behind a selection of features."""
    path, _, last = name.rpartition(".")
    layer = path.removesuffix(".1")
    return f"{layer}.{last}" if layer != path and layer in selected else name
