"""From a trained network with zeros in place to a physically smaller one with the same outputs.

Constants of units without inputs are folded into what reads them: the bias of the consumer, the running
mean of its batch norm, or a bias that it is given. The constant is read off the running network at the
consumer's input, which is exact whatever activations, norms, poolings and dropouts lie between. Then the
units are cut out.

A layer never vanishes: with all units dead it keeps one, since zero-sized tensors do not export. The counts
of `trainables.compaction.cost` include it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from trainables.groups import Alive, Graph, Layer, Sweep, analyse, cut, given_biases, liveness

Units = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Compacted:
    module: nn.Module
    """Plain modules in eval mode; layers that read the input may be preceded by a `Select`."""
    folded: Units
    """By layer: units that were constants and are now part of the biases behind them."""
    kept: Units
    """By layer: units that are constants and stay: folding is not exact, or their set needs them."""


class Check(NamedTuple):
    max_abs_difference: float
    argmax_agreement: float
    """Share of the examples on which both networks' largest output is the same one."""


@torch.no_grad()
def compact(module: nn.Module, graph: Graph, alive: Alive | None = None) -> Compacted:
    """A smaller copy of ``module``, which is left as it is.

    Args:
        module: a network of the structure of ``graph``, its dead units' weights zero. alive: masks of one
        lane, (1, n); by default what `liveness` finds in the module. Units that are masked but not
            dead are cut all the same: `check` tells.

    Raises:
        ValueError: masks of several lanes.
    """
    params = {name: p.detach().unsqueeze(0) for name, p in module.named_parameters()}
    buffers = {name: b.unsqueeze(0) for name, b in module.named_buffers()}
    alive = liveness(graph, params, buffers) if alive is None else alive
    if alive.lanes != 1:
        raise ValueError(f"expected the masks of one lane but got {alive.lanes}; take Alive.lane(i)")
    sweep = analyse(graph, params, buffers, folding=True)
    alive = alive.to(next(iter(params.values())).device)
    small = copy.deepcopy(module).eval()
    _fold(small, graph, alive, sweep)
    cut(small, graph, alive)
    constant = {name: ~mask[0] for name, mask in sweep.varies.items()}
    return Compacted(
        small,
        folded=_indices({name: mask & ~alive.units[name][0] for name, mask in constant.items()}),
        kept=_indices({name: mask & alive.units[name][0] for name, mask in constant.items()}),
    )


def _fold(module: nn.Module, graph: Graph, alive: Alive, sweep: Sweep) -> None:
    """Adds to every layer what the constants that will be cut contribute: sum_c W[u, c] * value[c]."""
    given = given_biases(graph, sweep, alive.units)
    for layer in graph.layers:
        varying = sweep.columns[layer.name]
        kept = graph.columns(layer.name, layer.inputs, alive.units)
        if varying is None or kept is None:
            continue
        values = sweep.values[layer.name][0].double() * (~varying & ~kept)[0]
        if not bool(values.any()):
            continue
        target = module.get_submodule(layer.name)
        shift = _shift(target.get_parameter("weight"), layer, values)
        if layer.bias:
            _add(target.get_parameter("bias"), shift)
        elif layer.norm:
            _add(module.get_submodule(layer.norm).get_buffer("running_mean"), -shift)
        elif bool(given[layer.name]):
            target.bias = nn.Parameter(shift.to(target.get_parameter("weight")))


def _shift(weight: Tensor, layer: Layer, values: Tensor) -> Tensor:
    """(units,) float64: what constant columns contribute; a sum over the kernel, since nothing is padded."""
    summed = weight.double().flatten(2).sum(2) if weight.dim() > 2 else weight.double()
    grouped = summed.view(layer.groups, -1, summed.shape[1])
    return (grouped * values.view(layer.groups, 1, -1)).sum(2).flatten()


def _add(tensor: Tensor, shift: Tensor) -> None:
    tensor.copy_(tensor.double() + shift)


def _indices(masks: dict[str, Tensor]) -> Units:
    return {name: tuple(mask.nonzero().flatten().tolist()) for name, mask in masks.items() if bool(mask.any())}


@torch.no_grad()
def check(original: nn.Module, compacted: nn.Module, x: Tensor, batch_size: int = 256) -> Check:
    """Compares the outputs of two networks on x (N, *shape), in eval mode; both are left as they were.

    Outputs that are not finite count as infinitely different.
    """
    modes = [(module, module.training) for network in (original, compacted) for module in network.modules()]
    difference, agreeing = 0.0, 0
    try:
        for network in (original, compacted):
            network.eval()
        for batch in torch.split(x, batch_size):
            one, other = original(batch), compacted(batch)
            largest = float((one - other).abs().max())
            difference = max(difference, largest if largest == largest else float("inf"))
            agreeing += int((one.flatten(1).argmax(1) == other.flatten(1).argmax(1)).sum())
    finally:
        for module, mode in modes:
            module.training = mode
    return Check(difference, agreeing / len(x))
