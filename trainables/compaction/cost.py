"""What the compact networks of all lanes cost, counted from the masks of what stays: nothing is built or run.

The counts equal those of `trainables.compaction.compact` exactly: parameters by counting them, macs by
torch.utils.flop_counter. The papers count otherwise; the functions named after them do as they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from trainables.errors import StudyError
from trainables.groups import Alive, Graph, Layer, unit_matrix

Params = dict[str, Tensor]
Counts = dict[str, Tensor]


def hidden(graph: Graph) -> tuple[Layer, ...]:
    """The layers whose units count as neurons: all but the output's, whether they can be removed or not."""
    return tuple(layer for layer in graph.layers if not layer.output)


@torch.no_grad()
def count(graph: Graph, alive: Alive) -> Counts:
    """int64 (P,) by name; ``widths`` is (P, layers).

    neurons: units of all layers but the output's. heads: of attentions, where there are any; those that share keys and
    values are one. inputs: input features that are read. parameters: all of them, those of norms too. macs:
    multiply-adds of one example. flops: 2 * macs. widths: the neurons by layer.
    """
    units = {name: mask.sum(1) for name, mask in alive.units.items()}
    layers = hidden(graph)
    widths = torch.stack([units[layer.name] for layer in layers], 1) if layers else _zero(alive, 0)
    parameters, macs = _zero(alive) + graph.other_parameters, _zero(alive) + graph.other_macs
    for layer, owns in _owners(graph):
        weights = _weights(graph, layer, alive, units[layer.name])
        parameters += owns[0] * weights + owns[1] * _biases(layer, alive, units[layer.name])
        macs += layer.positions * weights
    whole = replace(alive, units=graph.heads(alive.units))
    for norm in graph.norms:
        parameters += norm.parameters * _columns(graph, norm.name, norm.channels, whole)
    for product in graph.products:
        macs += product.macs * graph.layer(product.layer).grouped(whole[product.layer]).sum(1)
    inputs = alive.inputs.sum(1)
    heads = [members[0] for members in graph.ties if members[0].what == "heads" and members[0].together]
    counted = [layer.grouped(whole[layer.name]).sum(1) for layer in heads]
    return {
        "neurons": widths.sum(1),
        **({"heads": torch.stack(counted).sum(0)} if counted else {}),
        "inputs": inputs,
        "parameters": parameters,
        "macs": macs,
        "flops": 2 * macs,
        "widths": widths,
    }


@torch.no_grad()
def footprint(graph: Graph, alive: Alive) -> Counts:
    """Memory that a network takes, int64 (P,) by name.

    activations: numbers of one example that are held at once, as the largest sum of a layer's input and
    output; skip connections are not added. bytes: parameters and buffers as stored.
    """
    peak, size = _zero(alive), _zero(alive) + graph.other_bytes
    whole = replace(alive, units=graph.heads(alive.units))
    for layer, owns in _owners(graph):
        units = alive.units[layer.name].sum(1)
        columns = _columns(graph, layer.name, layer.inputs, alive)
        around = _columns(graph, layer.name, layer.inputs, whole), whole[layer.name].sum(1)
        peak = torch.maximum(peak, layer.input_positions * around[0] + layer.positions * around[1])
        weights = owns[0] * _weights(graph, layer, alive, units) + owns[1] * _biases(layer, alive, units)
        size += graph.skeleton.get_parameter(layer.weight).element_size() * weights
        # Layers of parts of heads are given int64 indices of the columns that they read, and of their units' places.
        size += 8 * columns * (columns < around[0]) + 8 * around[1] * (units < around[1])
    for norm in graph.norms:
        size += norm.bytes * _columns(graph, norm.name, norm.channels, whole)
    # Where features go, every reader is given the int64 indices of those that stay.
    size += 8 * len(graph.readers) * alive.inputs.sum(1) * ~alive.inputs.all(1)
    return {"activations": peak, "bytes": size}


def _owners(graph: Graph) -> Iterator[tuple[Layer, tuple[bool, bool]]]:
    """The layers, and whether weight and bias are counted: once where several layers share them."""
    known: set[str] = set()
    for layer in graph.layers:
        yield layer, (layer.weight not in known, layer.bias is None or layer.bias not in known)
        known |= {layer.weight, layer.bias or layer.weight}


def _zero(alive: Alive, *shape: int) -> Tensor:
    return alive.inputs.new_zeros(alive.lanes, *shape, dtype=torch.int64)


def _columns(graph: Graph, name: str, channels: int, alive: Alive) -> Tensor:
    """(P,): the columns of a layer, or channels of a norm, that stay."""
    if name in graph.readers:
        return alive.inputs.sum(1)
    mask = graph.columns(name, channels, alive.units)
    return _zero(alive) + channels if mask is None else mask.sum(1)


def _weights(graph: Graph, layer: Layer, alive: Alive, units: Tensor) -> Tensor:
    """(P,): the weights that stay, biases left out."""
    columns = 1 if layer.depthwise else _columns(graph, layer.name, layer.inputs, alive) // layer.groups
    return units * columns * layer.kernel


def _biases(layer: Layer, alive: Alive, units: Tensor) -> Tensor:
    if layer.bias:
        return units
    given = alive.biases.get(layer.name)
    return torch.zeros_like(units) if given is None else given * units


# -- as the papers count ---------------------------------------------------------------------------------------


def nonzero_weights(graph: Graph, params: Params) -> Tensor:
    """(P,): weights that are not zero, without biases (CGES, DropNeuron)."""
    return torch.stack([(params[layer.weight].flatten(1) != 0).sum(1) for layer in graph.layers]).sum(0)


def drop_neuron_units(graph: Graph, params: Params) -> Tensor:
    """(P,): units of the fully connected layers as DropNeuron counts them (Pan, Dong, Guo 2016, section 4).

    Input units: columns of the first weight that are not zero. Hidden units: the smaller one of the numbers of
    non-zero rows of a weight and of non-zero columns of the next. Output units: non-zero rows of the last.
    """
    chain = _linear(graph)
    rows = [(params[layer.weight] != 0).any(2).sum(1) for layer in chain]
    columns = [(params[layer.weight] != 0).any(1).sum(1) for layer in chain]
    inner = [torch.minimum(r, c) for r, c in zip(rows[:-1], columns[1:], strict=True)]
    return torch.stack([columns[0], *inner, rows[-1]]).sum(0)


def drop_neuron_compression(graph: Graph, params: Params) -> Tensor:
    """(P,) float: all weights of the fully connected layers over their non-zero ones, without biases.

    Infinite where no weight is left (Pan, Dong, Guo 2016, section 4).
    """
    weights = [params[layer.weight].flatten(1) for layer in _linear(graph)]
    return sum(w.shape[1] for w in weights) / torch.stack([(w != 0).sum(1) for w in weights]).sum(0)


def dwork_units(graph: Graph, params: Params) -> Tensor:
    """(P,): units of all layers, the output's too, with a weight or bias that is not zero (Dwork 2018)."""
    return torch.stack([(unit_matrix(params, layer) != 0).any(2).sum(1) for layer in graph.layers]).sum(0)


def npn_weights(graph: Graph, params: Params) -> Tensor:
    """(P,): sum over layers of kernel * active inputs * active outputs, without biases (Li and Ji 2019).

    Gates sit at the output channels of convolutions and at the inputs of fully connected layers: a
    convolution's outputs are its filters that are not zero, a fully connected layer's inputs the columns
    that are not, and its outputs the columns that the next one reads.
    LeNet-5: 25 l0 + 25 l0 l1 + l2 l3 + 10 l3.
    """
    active = _open(graph, params)
    total = torch.zeros_like(next(iter(active.values())))
    for layer in graph.layers:
        source = next((s for s, _ in graph.sources.get(layer.name, ())), None)
        reader = next((e.layer for e in layer.feeds if graph.layer(e.layer).kind == "linear"), None)
        whole = torch.zeros_like(total)
        if layer.kind == "conv":
            inputs = active[source.name] if source else whole + layer.inputs
            outputs = active[layer.name]
        else:
            inputs = active[layer.name]
            outputs = active[reader] if reader else whole + layer.units
        total += layer.kernel * inputs * outputs // layer.groups
    return total


def npn_gates(graph: Graph, params: Params) -> Tensor:
    """(P, layers): open gates, as `npn_weights` takes them; LeNet-5: l0, l1, l2, l3."""
    return torch.stack([*_open(graph, params).values()], 1)


def _open(graph: Graph, params: Params) -> Counts:
    """(P,) by layer: filters of a convolution, or inputs of a fully connected layer, that are not zero."""
    return {
        layer.name: (params[layer.weight].flatten(2) != 0).any(2 if layer.kind == "conv" else 1).sum(1)
        for layer in graph.layers
    }


def cges_nonzero(graph: Graph, params: Params) -> Tensor:
    """(P,) float: share of the weights that are not zero, without biases (Yoon and Hwang 2017)."""
    return nonzero_weights(graph, params) / sum(params[layer.weight][0].numel() for layer in graph.layers)


def cges_flops(graph: Graph, params: Params) -> Tensor:
    """(P,) float: multiply-adds with weights that are not zero over all of them, at the positions of the network's own
    padding (Yoon and Hwang 2017, whose code counts as if there were none)."""
    weights = [(layer.positions, params[layer.weight].flatten(1)) for layer in graph.layers]
    used = torch.stack([positions * (w != 0).sum(1) for positions, w in weights]).sum(0)
    return used / sum(positions * w.shape[1] for positions, w in weights)


def _linear(graph: Graph) -> list[Layer]:
    """The fully connected layers, which must follow one another."""
    layers = [layer for layer in graph.layers if layer.kind == "linear"]
    if not layers or any(a.units != b.inputs for a, b in pairwise(layers)):
        raise StudyError("counts: drop_neuron: expected a network whose fully connected layers follow one another")
    return layers
