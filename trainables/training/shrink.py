"""Shrinking while training: the polish epochs go on without the units that can change no result any more.

When polishing begins, the zeros of the networks are frozen: masks hold them at zero whatever optimiser, momentum or
weight decay do. From then on a unit is

- *silent* in a lane if it is zero before its activation, whatever the input and in training and evaluation alike: the
  scale and shift of its batch norm are frozen at zero; or, where it has none, its bias is, and every weight with which
  it reads a column that is not itself always zero. An activation with f(0) = 0 hands the zero on; any other, softplus
  say, makes it a constant, which the weights behind it go on learning from: such a unit counts for its readers;
- *unread* in a lane if all weights with which units that are neither read it are frozen at zero.

Neither gives gradients to anything else: what a weight multiplies is zero, or what it feeds is multiplied by zero. So
any set of units that each are one or the other in every lane can go, and losses, gradients and outputs stay as they
were, up to the order of summation. What goes is of no further use, and is kept as it was when it went: a weight that
reads a silent unit would have decayed further, and the statistics of a batch norm moved on, to no effect. These numbers
alone depend on which lanes share a stack.

Only frozen zeros count. In the method's own epochs a zero is not for good: an optimiser's moments bring it back, or the
bias of a batch norm still learns from the constant that a unit without inputs is.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from trainables.compaction import cost
from trainables.groups import Alive, Graph, Layer, call, cut, everything, settle
from trainables.training.chain import Chain
from trainables.training.dropout import replace_dropout
from trainables.training.networks import Networks, Params
from trainables.training.optim import LaneOptimizer
from trainables.training.pooling import relu_after_pooling

Masks = dict[str, Tensor]

LEAST_SHARE = 0.25
"""Of the multiply-adds that have to go for "auto" to shrink (benchmarks/shrinking.py)."""


class Reduction:
    """Networks without their idle units, to train in the place of the whole ones.

    The whole networks are as they were until `write_back` brings them up to date.

    Args:
        kept: the units that stay.
        options: of the optimiser.
    """

    def __init__(self, graph: Graph, kept: Alive, whole: Networks, options: Mapping[str, Any]) -> None:
        self.whole = whole
        skeleton, places = _skeleton(graph, kept)
        if len(next(iter(whole.params.values()))) == 1:
            relu_after_pooling(skeleton)
        device = next(iter(whole.params.values())).device
        self.places = {name: place.to(device) for name, place in places.items()}
        params = {name: tensor.clone() for name, tensor in self._parts(whole.params).items()}
        self.small = Networks(
            skeleton,
            Chain.of(skeleton, graph.example[0].numel()),
            params,
            self._parts(whole.buffers),
            LaneOptimizer({name: params[name] for name in whole.optimizer.tensors}, **options),
            self._parts(whole.masks),
        )
        for kind, moments in self.small.optimizer.moments.items():
            for name, moment in moments.items():
                moment.copy_(self._part(name, whole.optimizer.moments[kind][name]))
        self.small.optimizer.go_on_as(whole.optimizer)

    def write_back(self) -> None:
        """The whole tensors again hold what those in training do, the optimiser's included."""
        whole, small = self.whole, self.small
        for tensors, parts in ((whole.params, small.params), (whole.buffers, small.buffers)):
            for name, tensor in tensors.items():
                self._put_back(name, tensor, parts[name])
        for kind, moments in small.optimizer.moments.items():
            for name, part in moments.items():
                self._put_back(name, whole.optimizer.moments[kind][name], part)
        whole.optimizer.go_on_as(small.optimizer)

    def _parts(self, tensors: Params) -> Params:
        return {name: self._part(name, tensor) for name, tensor in tensors.items()}

    def _part(self, name: str, tensor: Tensor) -> Tensor:
        if name not in self.places:
            return tensor
        place = self.places[name]
        return tensor.flatten(1)[:, place.flatten()].view(-1, *place.shape)

    def _put_back(self, name: str, tensor: Tensor, part: Tensor) -> None:
        if name in self.places:
            tensor.view(len(tensor), -1).index_copy_(1, self.places[name].flatten(), part.flatten(1))
        else:
            tensor.copy_(part)


def _skeleton(graph: Graph, kept: Alive) -> tuple[nn.Module, Params]:
    """The network without the other units, and by name the place in the whole tensor of each number it keeps.

    The numbers that are cut are those places themselves. Tensors that are kept whole are not named.
    """
    module = copy.deepcopy(graph.skeleton)
    tensors = dict((*module.named_parameters(), *module.named_buffers()))
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    for tensor in tensors.values():
        if tensor.dim():
            # Not in float32, which has no whole numbers above 2^24.
            tensor.data = torch.arange(tensor.numel(), dtype=torch.float64, device=tensor.device).view(tensor.shape)
    cut(module, graph, kept)
    small = (*module.named_parameters(), *module.named_buffers())
    places = {name: tensor.detach().long() for name, tensor in small if tensor.shape != shapes[name]}
    replace_dropout(module)
    return module, places


def worthwhile(graph: Graph, masks: Masks, choice: str) -> Alive | None:
    """What stays of the networks whose zeros are frozen by ``masks``; None where they train on as they are.

    Args:
        choice: "on", "off", or "auto": only if a good part of the multiply-adds can go.
    """
    if choice == "off" or not masks:
        return None
    whole = everything(graph)
    units = graph.heads(needed(graph, masks))  # heads that stay do so with all their dimensions
    kept = Alive(_noise_kept(graph, units), whole.inputs, {})
    share = float(cost.count(graph, kept)["macs"]) / float(cost.count(graph, whole)["macs"])
    return None if share == 1 or (choice == "auto" and share > 1 - LEAST_SHARE) else kept


def _noise_kept(graph: Graph, units: Masks) -> Masks:
    """With all units of the sets that a dropout sees: its noise is drawn by position, and would be another."""
    before = _dropout_shapes(graph.skeleton, graph.example)
    if not before:
        return units
    kept = {name: torch.ones_like(mask) for name, mask in units.items()}
    for members in graph.ties:
        own = {layer.name: units[layer.name] for layer in members}
        module = copy.deepcopy(graph.skeleton)
        cut(module, graph, Alive(kept | own, everything(graph).inputs, {}))
        if _dropout_shapes(module, graph.example) == before:
            kept |= own
    return kept


@torch.no_grad()
def _dropout_shapes(module: nn.Module, example: Tensor) -> list[torch.Size]:
    shapes = []
    with ExitStack() as stack:
        for child in module.modules():
            if isinstance(child, nn.modules.dropout._DropoutNd) and child.p:
                hook = child.register_forward_pre_hook(lambda _, args: shapes.append(args[0].shape))
                stack.callback(hook.remove)
        module(example)
    return shapes


@torch.no_grad()
def needed(graph: Graph, masks: Masks) -> dict[str, Tensor]:
    """(1, units) bool by layer: the units that stay, because they are needed in some lane or their sets demand it.

    Args:
        masks: (P, *shape) by name, zero where a parameter is zero for good; a parameter without one is free.
    """
    links = {layer.name: _links(layer, masks) for layer in graph.layers}
    zero = _zero_at_zero(graph)
    some = next(iter(links.values()))
    loud = {x.name: some.new_ones(len(some), x.units) for x in graph.layers if x.normed}
    columns: Masks = {}
    for layer in graph.layers:
        sources = {
            source.name: loud[source.name] if edge.folds else torch.ones_like(loud[source.name])
            for source, edge in graph.sources.get(layer.name, ())
        }
        arriving = graph.columns(layer.name, layer.inputs, sources)
        whole = links[layer.name].new_ones(1, layer.inputs)
        columns[layer.name] = whole if arriving is None else arriving | ~zero[layer.name].to(arriving.device)
        if layer.name not in loud:
            loud[layer.name] = _loud(layer, masks, links[layer.name], columns[layer.name])
    wanted: Masks = {}
    used: Masks = {}
    for layer in reversed(graph.layers):
        unit = torch.full_like(loud[layer.name], not layer.hidden or layer.normed)
        for edge in layer.feeds if layer.hidden and not layer.normed else ():
            unit = unit | edge.leaving(used[edge.layer], layer.units)
        for edge in layer.steers if layer.hidden else ():
            unit = unit | edge.leaving(used[edge.layer], layer.units)
        wanted[layer.name] = layer.closed(unit)
        reading = (wanted[layer.name] & loud[layer.name]).view(len(unit), layer.groups, -1, 1)
        used[layer.name] = (links[layer.name] & reading).any(2).flatten(1) & columns[layer.name]
    return settle(graph, {name: unit.any(0, keepdim=True).cpu() for name, unit in wanted.items()})


def _links(layer: Layer, masks: Masks) -> Tensor:
    """(P, groups, units/groups, inputs/groups) bool, or (1, ...) without a mask: where a unit may read a column."""
    shape = (layer.groups, layer.units // layer.groups, layer.inputs // layer.groups)
    if layer.weight not in masks:
        some = next(iter(masks.values()))
        return torch.ones(len(some), *shape, dtype=torch.bool, device=some.device)
    return (masks[layer.weight].flatten(2) != 0).view(-1, *shape, layer.kernel).any(4)


def _loud(layer: Layer, masks: Masks, links: Tensor, columns: Tensor) -> Tensor:
    """(P, units) bool: not silent. Where anything else learns on the way to the readers, every unit is loud."""
    heard = (links & columns.view(len(columns), layer.groups, 1, -1)).any(3).flatten(1)
    if not layer.hidden or {edge.layer for edge in layer.norms} - {layer.norm}:
        return torch.ones_like(heard)
    if layer.norm:
        return _free(f"{layer.norm}.weight", masks, heard) | _free(f"{layer.norm}.bias", masks, heard)
    return heard | _free(layer.bias, masks, heard) if layer.bias else heard


def _free(name: str, masks: Masks, like: Tensor) -> Tensor:
    return masks[name] != 0 if name in masks else torch.ones_like(like)


def _zero_at_zero(graph: Graph) -> dict[str, Tensor]:
    """(1, inputs) bool by layer: columns that are zero everywhere where the units in front of them are.

    Read off a run with the layers and their norms at zero. All else that learns has arbitrary numbers: what is zero
    then stays so.
    """
    at_zero = {name for layer in graph.layers for name in layer.rows}
    generator = torch.Generator().manual_seed(0)
    tensors = {
        name: torch.zeros_like(p) if name in at_zero else torch.rand(p.shape, generator=generator).to(p)
        for name, p in graph.skeleton.named_parameters()
    }
    found: dict[str, Tensor] = {}

    def keep(layer: Layer, x: Tensor) -> None:
        x = x.reshape(-1, layer.inputs) if layer.kind == "linear" else x.transpose(0, 1).flatten(1).T
        found[layer.name] = (x == 0).all(0, keepdim=True) & found.get(layer.name, torch.tensor(True))

    with ExitStack() as stack:
        for layer in graph.layers:
            module = graph.skeleton.get_submodule(layer.name)
            hook = module.register_forward_pre_hook(lambda _, args, layer=layer: keep(layer, args[0]))
            stack.callback(hook.remove)
        call(graph.skeleton, tensors, graph.example)
    return found


def zero_pattern(graph: Graph, params: Params) -> Params:
    """Masks, 1 or 0, that hold at zero what is zero of units: weights, biases, scale and shift of their norms.

    A tensor without zeros has none.
    """
    names = [name for layer in graph.layers for name in layer.rows if name in params]
    names += [part.name for layer in graph.hidden for part in layer.besides]
    return {name: (params[name] != 0).to(params[name]) for name in names if not bool(params[name].all())}
