"""Any torch optimiser over stacked tensors, with a learning rate for every lane."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainables.errors import not_one_of

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}
_OPTIONS: dict[str, tuple[str, ...]] = {
    "sgd": ("momentum", "dampening", "nesterov", "weight_decay"),
    "adam": ("betas", "eps", "weight_decay", "amsgrad"),
    "adamw": ("betas", "eps", "weight_decay", "amsgrad"),
}
SCHEDULES = ("constant", "step", "cosine")


class LaneOptimizer:
    """Steps stacked tensors (P, ...) with learning rates (P,).

    The optimiser runs with lr = 1 and each lane then goes lr of the way: p <- p_old + lr * (p_new - p_old). Exact
    wherever the step is proportional to the learning rate: SGD with momentum, Adam, AdamW with its decoupled decay.

    Raises:
        ValueError: an unknown optimiser, or an option it does not have.
    """

    def __init__(self, tensors: Mapping[str, Tensor], name: str, **options: Any) -> None:
        check_optimizer(name, options)
        self.tensors = dict(tensors)
        self._before = [t.clone() for t in self.tensors.values()]
        self.optimizer = OPTIMIZERS[name](list(self.tensors.values()), lr=1.0, fused=True, **options)

    def step(self, gradients: Mapping[str, Tensor], lr: Tensor) -> None:
        """In place. ``gradients`` may hold more than the optimiser's own tensors."""
        tensors = list(self.tensors.values())
        torch._foreach_copy_(self._before, tensors)
        for name, tensor in self.tensors.items():
            tensor.grad = gradients[name].contiguous()  # fused optimisers on the CPU ignore strides
        self.optimizer.step()
        for before, tensor in zip(self._before, tensors, strict=True):
            torch.lerp(before, tensor, lr.reshape(-1, *[1] * (tensor.dim() - 1)), out=tensor)
            tensor.grad = None

    def state_dict(self) -> dict[str, Any]:
        return self.optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state)


def check_optimizer(name: str, options: Mapping[str, Any]) -> None:
    """Raises ValueError: an unknown optimiser, or an option it does not have."""
    if name not in OPTIMIZERS:
        raise not_one_of("optimizer", name, OPTIMIZERS)
    for option in options:
        if option not in _OPTIONS[name]:
            raise not_one_of(f"option of {name}", option, _OPTIONS[name])


@dataclass(frozen=True)
class Schedule:
    """Factor on the learning rate at an epoch: constant, step (x gamma at milestones or every n epochs), cosine.

    cosine: from 1 down to ``final``, reached after the last epoch. ``warmup``: epochs of linear rise first.

    Raises:
        ValueError: an unknown name.
    """

    name: str = "constant"
    milestones: tuple[int, ...] = ()
    every: int | None = None
    gamma: float = 0.1
    warmup: int = 0
    final: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in SCHEDULES:
            raise not_one_of("lr_schedule", self.name, SCHEDULES)

    def factor(self, epoch: int, epochs: int) -> float:
        """Of epoch 0 .. epochs - 1."""
        if epoch < self.warmup:
            return (epoch + 1) / (self.warmup + 1)
        if self.name == "step":
            drops = sum(epoch >= m for m in self.milestones) + (epoch // self.every if self.every else 0)
            return float(self.gamma**drops)
        if self.name == "cosine":
            done = (epoch - self.warmup) / max(1, epochs - self.warmup)
            return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * done))
        return 1.0
