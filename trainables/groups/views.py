"""A layer's tensors seen as one row of numbers per unit: what comes in, and what goes out to a consumer."""

from __future__ import annotations

import torch
from torch import Tensor

from trainables.groups.graph import Graph
from trainables.groups.layer import Edge, Layer

Params = dict[str, Tensor]


def unit_matrix(params: Params, layer: Layer) -> Tensor:
    """(P, units, size): the incoming weights of each unit with its bias as the last entry.

    The group of Dwork (2018) and of Alvarez and Salzmann (2016, theta_l^n).
    """
    weight = params[layer.weight].flatten(2)
    return torch.cat((weight, params[layer.bias].unsqueeze(2)), 2) if layer.bias else weight


def joint(members: tuple[Layer, ...]) -> bool:
    """Whether the units of a set (`Graph.sets`) go as groups of several, and not each as a row of its layer."""
    return len(members) > 1 or members[0].what in ("heads", "dimensions") or members[0].normed


def group_squares(params: Params, members: tuple[Layer, ...]) -> Tensor:
    """(P, groups): the sum of squares of all weights and biases of each group of a set, and of its other parts."""
    first = params[members[0].weight]
    total = first.new_zeros(len(first), members[0].count)
    for layer in members:
        squares = unit_matrix(params, layer).square().sum(2)
        if layer.together:
            total.index_add_(1, torch.tensor(layer.together, device=first.device), squares)
        else:
            total += squares
    for part in members[0].besides:
        total += part.sums(params[part.name].square(), members[0].count)
    return total


def group_size(members: tuple[Layer, ...]) -> int:
    """Weights and biases of a group of a set, and its other parts."""
    first = members[0]
    return sum(layer.units // layer.count * layer.size for layer in members) + sum(
        part.size // first.count for part in first.besides
    )


def scale_groups(params: Params, members: tuple[Layer, ...], scale: Tensor) -> None:
    """Multiplies all weights and biases of each group of a set, and its other parts, by ``scale`` (P, groups)."""
    for layer in members:
        scale_units(params, layer, layer.ungrouped(scale))
    for part in members[0].besides:
        part.scale(params, scale)


def remove_groups(params: Params, members: tuple[Layer, ...], gone: Tensor) -> None:
    """Zeros in the place of the groups of the mask (P, groups) of a set, batch norms' scale and shift included."""
    for layer in members:
        for name in layer.rows:
            params[name][layer.ungrouped(gone)] = 0
    for part in members[0].besides:
        part.scale(params, (~gone).to(params[part.name]))


def scale_units(params: Params, layer: Layer, scale: Tensor) -> None:
    """Multiplies weights and bias of each unit by ``scale`` (P, units), in place."""
    weight = params[layer.weight]
    weight.mul_(scale.reshape(scale.shape + (1,) * (weight.dim() - 2)))
    if layer.bias:
        params[layer.bias].mul_(scale)


def write_units(params: Params, layer: Layer, matrix: Tensor) -> None:
    """The inverse of `unit_matrix`: copies ``matrix`` (P, units, size) into the tensors, in place."""
    weight = params[layer.weight]
    weight.copy_(matrix[:, :, : weight[0, 0].numel()].reshape(weight.shape))
    if layer.bias:
        params[layer.bias].copy_(matrix[:, :, -1])


def outgoing_matrix(graph: Graph, params: Params, layer: Layer, edge: Edge) -> Tensor:
    """(P, units, n): the weights with which a consumer reads each unit; n = repeat * rows * kernel.

    The group of DropNeuron's lo and of CGES. ``rows`` are the consumer's units, of the same group where it
    has groups.
    """
    columns = columns_of(params[graph.layer(edge.layer).weight], graph.layer(edge.layer))
    return columns[:, edge.span(layer.units)].reshape(len(columns), layer.units, -1)


def write_outgoing(graph: Graph, params: Params, layer: Layer, edge: Edge, matrix: Tensor) -> None:
    """The inverse of `outgoing_matrix`: copies ``matrix`` (P, units, n) into the weight, in place."""
    consumer = graph.layer(edge.layer)
    weight = params[consumer.weight]
    columns = columns_of(weight, consumer).clone()
    part = columns[:, edge.span(layer.units)]
    part.copy_(matrix.reshape(part.shape))
    grouped = columns.view(len(weight), consumer.groups, -1, *columns.shape[2:])
    weight.copy_(grouped.transpose(2, 3).reshape(weight.shape))


def columns_of(weight: Tensor, consumer: Layer) -> Tensor:
    """(P, units, inputs/groups, *kernel) -> (P, inputs, units/groups, kernel)."""
    rows = consumer.units // consumer.groups
    shape = (len(weight), consumer.groups, rows, consumer.inputs // consumer.groups, consumer.kernel)
    return weight.reshape(shape).transpose(2, 3).flatten(1, 2)
