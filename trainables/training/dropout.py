"""Dropout whose noise belongs to the lane: a function of the lane's seed, the layer, the step and the use within it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from trainables.errors import StudyError
from trainables.math import uniform

_CHANNELWISE = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


class LaneDropout(nn.Module):
    """Stands in for nn.Dropout and its channel-wise kin; ``seed`` and ``step`` are buffers that the stack sets."""

    seed: Tensor
    step: Tensor

    def __init__(self, p: float, channelwise: bool, index: int) -> None:
        super().__init__()
        self.p, self.channelwise, self.index = p, channelwise, index
        self.uses = 0
        """Calls in the forward pass under way: a module that is called twice drops something else each time."""
        self.register_buffer("seed", torch.zeros((), dtype=torch.int64), persistent=False)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        shape = x.shape[:2] + (1,) * (x.dim() - 2) if self.channelwise else x.shape
        keep = uniform(self.seed, shape, self.index, self.step, self.uses) >= self.p
        self.uses += 1
        return torch.where(keep, x / (1 - self.p), 0.0) if self.p < 1 else torch.zeros_like(x)


def replace_dropout(module: nn.Module) -> list[str]:
    """Puts a `LaneDropout` in the place of every dropout of ``module``; returns the paths of their first places."""
    kinds = (nn.Dropout, *_CHANNELWISE)
    places = [(n, m) for n, m in module.named_modules(remove_duplicate=False) if isinstance(m, kinds)]
    lanes: dict[nn.Module, LaneDropout] = {}
    for name, dropout in places:
        lane = lanes.setdefault(dropout, LaneDropout(dropout.p, isinstance(dropout, _CHANNELWISE), len(lanes)))
        parent, _, attribute = name.rpartition(".")
        setattr(module.get_submodule(parent), attribute, lane)

    def start(*_: Any) -> None:
        for lane in lanes.values():
            lane.uses = 0

    if lanes:
        module.register_forward_pre_hook(start)
    return [name for name, found in module.named_modules() if isinstance(found, LaneDropout)]


@torch.no_grad()
def refuse_own_noise(name: str, network: nn.Module, tensors: Mapping[str, Tensor], x: Tensor) -> None:
    """What a forward pass draws from the global generator would depend on who drew before.

    Args:
        name: of the network, for the message.
        tensors: its parameters and buffers, which may be changed.
        x: a few inputs.

    Raises:
        StudyError: it draws.
    """

    def drawn() -> Tensor:
        return torch.cuda.get_rng_state(x.device) if x.device.type == "cuda" else torch.get_rng_state()

    before = drawn()
    functional_call(network.train(), dict(tensors), (x,))
    if not torch.equal(before, drawn()):
        culprits = "; ".join(own_noise(network))
        raise StudyError(
            f"{name} draws random numbers in its forward pass; expected dropout as nn.Dropout or nn.Dropout1d to 3d "
            f"modules, whose noise each trial has of its own{culprits and f'; {culprits}'}"
        )


def own_noise(module: nn.Module) -> list[str]:
    """What of torch's modules drops out by itself, which no trial's seed decides, with what to do about it."""
    found = []
    for name, child in module.named_modules():
        if isinstance(child, nn.RNNBase) and child.dropout and child.num_layers > 1:
            instead = "several of one layer, with nn.Dropout between them"
        elif isinstance(child, nn.MultiheadAttention) and child.dropout:
            instead = "nn.Dropout modules stay as they are"
        else:
            continue
        kind = type(child).__name__
        found.append(f"{name} (nn.{kind}) drops out inside: set {name}.dropout to 0 ({instead})")
    return found
