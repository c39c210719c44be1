"""What is computed of the networks of all lanes: for a chain at once, for others by `torch.vmap`, for one as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.func import functional_call, vmap
from torch.utils._pytree import tree_map

from trainables.training.channels_last import channels_last
from trainables.training.networks import Networks, Params

Measure = Callable[[Params, Params, Tensor, Any], Any]
"""Stacked parameters, stacked buffers, inputs and targets -> something with lanes in front."""


def over_lanes(
    measure: Callable[[Tensor, Any], Any],
    working: Callable[[], Networks],
    lanes: int,
    shared: bool,
    last: Callable[[], bool],
) -> Measure:
    """``measure(output, target)`` of every lane.

    Args:
        working: the networks in training at the moment of the call.
        lanes: how many there are.
        shared: whether they have the same inputs and targets.
        last: tells whether a lone lane's images have their channels last.
    """

    def network(params: Params, buffers: Params, x: Tensor, y: Any) -> Any:
        return measure(functional_call(working().skeleton, (params, buffers), (x,)).flatten(1), y)

    def alone(params: Params, buffers: Params, x: Tensor, y: Any) -> Any:
        x = channels_last(x) if last() else x
        return tree_map(lambda out: out.unsqueeze(0), network(_only(params), _only(buffers), x, y))

    data = None if shared else 0
    mapped = alone if lanes == 1 else vmap(network, in_dims=(0, 0, data, data), randomness="error")

    def measured(params: Params, buffers: Params, x: Tensor, y: Any) -> Any:
        chain = working().chain
        return mapped(params, buffers, x, y) if chain is None else measure(chain(params, x, shared), y)

    return measured


def _only(stacked: Params) -> Params:
    """The tensors of the only lane, as views: batch norm updates its buffers in place."""
    return {name: tensor.squeeze(0) for name, tensor in stacked.items()}
