"""Dropout whose noise belongs to the lane: a function of the lane's seed, the layer and the step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainables.streams import uniform

_CHANNELWISE = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


class LaneDropout(nn.Module):
    """Stands in for nn.Dropout and its channel-wise kin; ``seed`` and ``step`` are buffers that the stack sets."""

    seed: Tensor
    step: Tensor

    def __init__(self, p: float, channelwise: bool, index: int) -> None:
        super().__init__()
        self.p, self.channelwise, self.index = p, channelwise, index
        self.register_buffer("seed", torch.zeros((), dtype=torch.int64), persistent=False)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        shape = x.shape[:2] + (1,) * (x.dim() - 2) if self.channelwise else x.shape
        keep = uniform(self.seed, shape, self.index, self.step) >= self.p
        return x * keep / (1 - self.p)


def replace_dropout(module: nn.Module) -> list[str]:
    """Puts a `LaneDropout` in the place of every dropout of ``module``; returns their paths."""
    found = [
        (name, child)
        for name, child in module.named_modules()
        if isinstance(child, nn.Dropout) or isinstance(child, _CHANNELWISE)
    ]
    for index, (name, child) in enumerate(found):
        parent = module.get_submodule(name.rpartition(".")[0])
        setattr(parent, name.rpartition(".")[2], LaneDropout(child.p, isinstance(child, _CHANNELWISE), index))
    return [name for name, _ in found]
