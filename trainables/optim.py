"""Any torch optimiser over stacked tensors, with a learning rate for every lane."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


class LaneOptimizer:
    """Steps stacked tensors (P, ...) with learning rates (P,).

    The optimiser runs with lr = 1 and each lane then goes lr of the way: p <- p_old + lr * (p_new - p_old). Exact
    wherever the step is proportional to the learning rate: SGD with momentum, Adam, AdamW with its decoupled decay.
    """

    def __init__(self, tensors: dict[str, Tensor], name: str, **options: Any) -> None:
        self.tensors = list(tensors.values())
        self.names = list(tensors)
        self._before = [t.clone() for t in self.tensors]
        self.optimizer = OPTIMIZERS[name](self.tensors, lr=1.0, fused=True, **options)

    def step(self, gradients: Mapping[str, Tensor], lr: Tensor) -> None:
        torch._foreach_copy_(self._before, self.tensors)
        for name, tensor in zip(self.names, self.tensors, strict=True):
            tensor.grad = gradients[name]
        self.optimizer.step()
        for before, tensor in zip(self._before, self.tensors, strict=True):
            torch.lerp(before, tensor, lr.reshape(-1, *[1] * (tensor.dim() - 1)), out=tensor)
            tensor.grad = None

    def state_dict(self) -> dict[str, Any]:
        return self.optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state)


@dataclass(frozen=True)
class Schedule:
    """Factor on the learning rate at an epoch: constant, step (x gamma at milestones or every n epochs), cosine."""

    name: str = "constant"
    milestones: tuple[int, ...] = ()
    every: int | None = None
    gamma: float = 0.1
    warmup: int = 0
    final: float = 0.0

    def factor(self, epoch: int, epochs: int) -> float:
        if epoch < self.warmup:
            return (epoch + 1) / (self.warmup + 1)
        if self.name == "constant":
            return 1.0
        if self.name == "step":
            drops = sum(epoch >= m for m in self.milestones) + (epoch // self.every if self.every else 0)
            return float(self.gamma**drops)
        if self.name == "cosine":
            done = (epoch - self.warmup) / max(1, epochs - self.warmup)
            return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * done))
        raise ValueError(f"lr_schedule: expected constant, step or cosine but got {self.name!r}")
