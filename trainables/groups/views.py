"""A layer's tensors seen as one row of numbers per unit: what comes in, and what goes out to a consumer."""

from __future__ import annotations

import torch
from torch import Tensor

from trainables.groups.graph import Edge, Graph, Layer

Params = dict[str, Tensor]


def unit_matrix(params: Params, layer: Layer) -> Tensor:
    """(P, units, size): the incoming weights of each unit with its bias as the last entry.

    The group of Dwork (2018) and of Alvarez and Salzmann (2016, theta_l^n).
    """
    weight = params[layer.weight].flatten(2)
    return torch.cat((weight, params[layer.bias].unsqueeze(2)), 2) if layer.bias else weight


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
    columns = _columns(params[graph.layer(edge.layer).weight], graph.layer(edge.layer))
    return columns[:, edge.span(layer.units)].reshape(len(columns), layer.units, -1)


def write_outgoing(graph: Graph, params: Params, layer: Layer, edge: Edge, matrix: Tensor) -> None:
    """The inverse of `outgoing_matrix`: copies ``matrix`` (P, units, n) into the weight, in place."""
    consumer = graph.layer(edge.layer)
    weight = params[consumer.weight]
    columns = _columns(weight, consumer).clone()
    part = columns[:, edge.span(layer.units)]
    part.copy_(matrix.reshape(part.shape))
    grouped = columns.view(len(weight), consumer.groups, -1, *columns.shape[2:])
    weight.copy_(grouped.transpose(2, 3).reshape(weight.shape))


def _columns(weight: Tensor, consumer: Layer) -> Tensor:
    """(P, units, inputs/groups, *kernel) -> (P, inputs, units/groups, kernel)."""
    rows = consumer.units // consumer.groups
    shape = (len(weight), consumer.groups, rows, consumer.inputs // consumer.groups, consumer.kernel)
    return weight.reshape(shape).transpose(2, 3).flatten(1, 2)
