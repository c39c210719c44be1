"""Which units the networks of all lanes need, found from their weights in one sweep forward and one back.

A unit *varies* if it depends on the input: some column that varies reaches it with a non-zero weight, and
the batch norm behind it does not multiply it by zero. It is *needed* if some needed unit that varies reads
it with a non-zero weight; the network's outputs are needed. A unit that varies and is needed is alive. One
that does not vary is a constant, which its consumers' biases can hold, and is dead - unless that is not
exact: a constant that is not zero, read by a convolution that pads with zeros, is no constant at the
border. There it counts as varying, and its unit stays.

The layers form a directed acyclic graph, so the two sweeps reach the fixpoint.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.groups.calling import call
from trainables.groups.graph import Alive, Graph
from trainables.groups.layer import Layer

Params = dict[str, Tensor]
Masks = dict[str, Tensor]


@torch.no_grad()
def liveness(graph: Graph, params: Params, buffers: Params | None = None) -> Alive:
    """The units and input features that stay in the compact networks of P lanes.

    Units that are tied stay if any of them is alive; layers whose whole set is dead keep one unit, grouped
    convolutions equally many in each group, GroupNorm whole groups: what is dead there stays as it is.

    Args:
        params: stacked effective parameters, (P, *shape) by name.
        buffers: stacked buffers, (P, *shape) by name. The values of constants depend on them (running means).
            Without them, in networks that have any, constants that matter are taken as not zero: units stay
            that could go.
    """
    sweep = analyse(graph, params, buffers)
    units = settle(graph, sweep.alive)
    return Alive(units, _inputs(graph, sweep.used), given_biases(graph, sweep, units))


@dataclass(frozen=True)
class Sweep:
    """What the two sweeps find. Masks and values are by layer; None as a mask stands for all True."""

    links: Masks
    """(P, groups, units/groups, inputs/groups): not zero where a weight connects a unit and a column."""
    varies: Masks
    """(P, units) bool."""
    columns: dict[str, Tensor | None]
    """(P, inputs) bool: the columns that vary as the layer reads them."""
    values: Params
    """(P, inputs): the constants at the columns that do not; empty where none decides on anything."""
    alive: Masks
    """(P, units) bool: units that are alive by themselves."""
    used: Masks
    """(P, inputs) bool: columns that such units read."""


def analyse(graph: Graph, params: Params, buffers: Params | None, folding: bool = False) -> Sweep:
    """The two sweeps; ``folding`` asks for the constants in any case."""
    links = {layer.name: _links(params[layer.weight], layer) for layer in graph.layers}
    values: Params = {}
    normed = _normed(graph, params)
    varies, columns = _forward(graph, params, links, values, normed)
    if folding or _constants_matter(graph, columns):
        values = _constants(graph, params, buffers, columns)
        varies, columns = _forward(graph, params, links, values, normed)
    alive, used = _backward(graph, links, varies, columns, normed, _factors(graph, params))
    return Sweep(links, varies, columns, values, alive, used)


def _links(weight: Tensor, layer: Layer) -> Tensor:
    """(P, groups, units/groups, inputs/groups): not zero where a unit reads a column."""
    if weight.dim() > 3:
        weight = weight.flatten(3).abs().sum(3)
    return weight.reshape(len(weight), layer.groups, -1, weight.shape[2])


def _normed(graph: Graph, params: Params) -> Masks:
    """(P, units) bool by layer: the units of normed sets of whose groups anything is not zero.

    What takes a norm of all units needs them whoever reads them, and hands on a constant of them: only groups that are
    zero everywhere, in the norms' own parameters too, can go.
    """
    found: Masks = {}
    for members in graph.ties:
        if members[0].fixed:
            some = next(iter(params.values()))
            found |= {x.name: some.new_ones(len(some), x.units, dtype=torch.bool) for x in members if x.normed}
        elif members[0].normed:
            parts = [part.sums(params[part.name].abs(), members[0].count) != 0 for part in members[0].besides]
            rows = [
                layer.grouped(params[name].reshape(len(params[name]), layer.units, -1).ne(0).any(2))
                for layer in members
                for name in layer.rows
            ]
            groups = torch.stack(parts + rows).any(0)
            outside = [layer for layer in members if not layer.inside]  # others lose dimensions of heads that stay
            found |= {layer.name: layer.ungrouped(groups) for layer in outside}
    return found


def _factors(graph: Graph, params: Params) -> Masks:
    """(P, units) bool by layer with dimensions of heads: the factors of those that have none that is zero."""
    found: Masks = {}
    for members in graph.dimensions:
        sides = []
        for side in (0, 1):
            rows = [
                layer.grouped(
                    (layer.factor == side).to(params[name].device)
                    & params[name].reshape(len(params[name]), layer.units, -1).ne(0).any(2)
                )
                for layer in members
                for name in layer.rows
            ]
            sides.append(torch.stack(rows).any(0))
        both = sides[0] & sides[1]
        found |= {layer.name: layer.ungrouped(both) & (layer.factor >= 0).to(both.device) for layer in members}
    return found


# Sums of magnitudes are zero only where all of them are, and are several times faster here than boolean
# masks. What is not finite counts as a connection. The magnitudes are not kept: fresh memory costs more
# than computing them again.


def _reached(links: Tensor, columns: Tensor | None) -> Tensor:
    """(P, units) bool: the units that some column of the mask (P, inputs) reaches; None: all columns."""
    size = links.abs()
    if columns is not None:
        size.mul_(columns.view(len(columns), links.shape[1], 1, -1))
    return (size.sum(3) != 0).flatten(1)


def _read(links: Tensor, units: Tensor) -> Tensor:
    """(P, inputs) bool: the columns that some unit of the mask (P, units) reads."""
    return (units.view(len(units), links.shape[1], 1, -1).to(links) @ links.abs() != 0).flatten(1)


def _forward(
    graph: Graph, params: Params, links: Masks, values: Params, normed: Masks
) -> tuple[Masks, dict[str, Tensor | None]]:
    """The units that vary, and the columns of each layer that do; None: all of them."""
    varies: Masks = dict(normed)
    columns: dict[str, Tensor | None] = {}
    for layer in graph.layers:
        arriving = graph.columns(layer.name, layer.inputs, _varies_at(graph, layer.name, varies))
        if arriving is not None and layer.pads and layer.name in values:
            arriving = arriving | (values[layer.name] != 0)
        columns[layer.name] = arriving
        unit = _reached(links[layer.name], arriving)
        if layer.norm:
            unit = unit & (params[f"{layer.norm}.weight"] != 0)
        if layer.fixed:
            unit = torch.ones_like(unit)
        elif not layer.inside:
            unit = layer.closed(unit)
        varies[layer.name] = normed.get(layer.name, unit)
    return varies, columns


def _varies_at(graph: Graph, name: str, varies: Masks) -> Masks:
    """The units that vary as ``name`` sees them: all, where constants do not arrive there as constants."""
    return {
        layer.name: varies[layer.name] if edge.folds else torch.ones_like(varies[layer.name])
        for layer, edge in graph.sources.get(name, ())
    }


def _backward(
    graph: Graph, links: Masks, varies: Masks, columns: dict[str, Tensor | None], normed: Masks, factors: Masks
) -> tuple[Masks, Masks]:
    """The units that are alive by themselves, and the columns that those read."""
    alive: Masks = {}
    used: Masks = {}
    for layer in reversed(graph.layers):
        if layer.output or layer.fixed:
            unit = torch.ones_like(varies[layer.name])
        else:
            unit = torch.zeros_like(varies[layer.name])
            for edge in layer.feeds if layer.name not in normed else ():
                unit |= edge.leaving(used[edge.layer], layer.units)
            weighing = torch.zeros_like(unit)
            for edge in layer.steers:
                weighing |= edge.leaving(used[edge.layer], layer.units)
            weighing = layer.closed(weighing)
            if layer.inside:
                unit |= weighing & factors[layer.name]
            else:
                unit = normed.get(layer.name, layer.closed(unit | weighing))
        alive[layer.name] = unit
        read = _read(links[layer.name], unit & varies[layer.name])
        arriving = columns[layer.name]
        used[layer.name] = read if arriving is None else read & arriving
    return alive, used


def settle(graph: Graph, alive: Masks) -> Masks:
    """Units that are alive by themselves -> units that stay, as ties, parts and a least width demand."""
    units: Masks = {}
    for members in graph.ties:
        groups = members[0].grouped(alive[members[0].name])
        for member in members[1:]:
            groups = groups | member.grouped(alive[member.name])
        if members[0].hidden:
            groups = _level(groups, members[0].parts)
        units |= {member.name: member.ungrouped(groups) for member in members}
    for members in graph.dimensions:
        possible = members[0].grouped(units[members[0].name])
        groups = torch.stack([member.grouped(alive[member.name]) for member in members]).any(0) & possible
        read = torch.stack([member.grouped((member.factor < 0)[None]) for member in members]).any(0).to(groups.device)
        for part in (possible & read, possible & ~read):
            # The first one of a head that stays, where none is alive: of those that are read, and of the others.
            groups = groups | (part & (part.cumsum(1) == 1) & ~(groups & part).any(1, keepdim=True))
        units |= {member.name: units[member.name] & member.ungrouped(groups) for member in members}
    return units


def _level(mask: Tensor, parts: int) -> Tensor:
    """Adds the first dead groups of each part until all parts have equally many, and at least one."""
    if parts == 1:
        empty = ~mask.any(1)
        if bool(empty.any()):
            mask = mask.clone()
            mask[:, :1] |= empty.unsqueeze(1)
        return mask
    inside = mask.view(len(mask), parts, -1)
    width = inside.sum(2).amax(1).clamp(min=1)
    rank = inside.sort(dim=2, descending=True, stable=True).indices.argsort(dim=2)
    return (rank < width[:, None, None]).flatten(1)


def _inputs(graph: Graph, used: Masks) -> Tensor:
    if not graph.readers:
        mask = next(iter(used.values()))
        return mask.new_ones(len(mask), graph.input_features)
    mask = used[graph.readers[0]]
    for reader in graph.readers[1:]:
        mask = mask | used[reader]
    return _level(mask, 1)


def _takes_bias(graph: Graph, layer: Layer) -> bool:
    """Whether folding a constant into the layer means a new parameter: no bias, and no norm to hold it."""
    return layer.bias is None and layer.norm is None and layer.name in graph.sources


def _constants_matter(graph: Graph, columns: dict[str, Tensor | None]) -> bool:
    """Whether any lane has a constant whose value decides on what stays."""
    for layer in graph.layers:
        arriving = columns[layer.name]
        if (layer.pads or _takes_bias(graph, layer)) and arriving is not None and not bool(arriving.all()):
            return True
    return False


def _constants(graph: Graph, params: Params, buffers: Params | None, columns: dict[str, Tensor | None]) -> Params:
    """(P, inputs) by layer: what arrives there, at the first position of the example.

    For a column that does not vary this is its constant, whatever lies between: the network itself computes
    it. Lanes in which nothing is constant are not run and have zeros.
    """
    some = next(iter(params.values()))
    example = graph.inputs(some)
    values = {layer.name: some.new_zeros(len(some), layer.inputs) for layer in graph.layers}
    known = {name for name, _ in graph.skeleton.named_buffers()}
    if known and buffers is None:
        return {name: torch.ones_like(value) for name, value in values.items()}
    masks = [mask for mask in columns.values() if mask is not None]
    lanes = torch.stack([~mask.all(1) for mask in masks]).any(0).nonzero().flatten().tolist() if masks else []
    for lane in lanes:
        tensors = {name: tensor[lane] for name, tensor in params.items()}
        tensors |= {name: tensor[lane] for name, tensor in (buffers or {}).items() if name in known}
        for name, value in _inputs_of_layers(graph, tensors, example).items():
            values[name][lane] = value
    return values


def _inputs_of_layers(graph: Graph, tensors: Params, example: Tensor) -> Params:
    """(inputs,) by layer: the columns of its input, at the first position."""
    seen: Params = {}

    def keep(layer: Layer, x: Tensor) -> None:
        seen[layer.name] = x.reshape(-1, layer.inputs)[0] if layer.kind == "linear" else x.flatten(2)[0, :, 0]

    with ExitStack() as stack:
        for layer in graph.layers:
            module = graph.skeleton.get_submodule(layer.name)
            hook = module.register_forward_pre_hook(lambda _, args, layer=layer: keep(layer, args[0]))
            stack.callback(hook.remove)
        call(graph.skeleton, tensors, example)
    return seen


def given_biases(graph: Graph, sweep: Sweep, units: Masks) -> Masks:
    """(P,) by layer without a bias: whether a unit that stays reads a constant that is cut and not zero."""
    found: Masks = {}
    for layer in graph.layers:
        arriving = sweep.columns[layer.name]
        if sweep.values and _takes_bias(graph, layer) and arriving is not None:
            kept = graph.columns(layer.name, layer.inputs, units)
            assert kept is not None
            folded = ~arriving & ~kept & (sweep.values[layer.name] != 0)
            found[layer.name] = (_reached(sweep.links[layer.name], folded) & units[layer.name]).any(1)
    return found
