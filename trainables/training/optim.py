"""Any torch optimiser over stacked tensors, with a learning rate for every lane."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

TORCH_OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


class LaneOptimizer:
    """Steps stacked tensors (P, ...) with learning rates (P,).

    The optimiser runs with lr = 1 and each lane then goes lr of the way: p <- p_old + lr * (p_new - p_old). Exact
    wherever the step is proportional to the learning rate: SGD with momentum, Adam, AdamW with its decoupled decay.

    Args:
        name: one of `trainables.recipe.OPTIMIZERS`.
        options: torch.optim's; what is not given has torch's default.
    """

    def __init__(self, tensors: Mapping[str, Tensor], name: str, **options: Any) -> None:
        self.tensors = dict(tensors)
        self._before = [t.clone() for t in self.tensors.values()]
        self.optimizer = TORCH_OPTIMIZERS[name](list(self.tensors.values()), lr=1.0, fused=True, **options)

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


def rate_factor(schedule: Mapping[str, Any], epoch: int, epochs: int) -> float:
    """What multiplies the learning rate in epoch 0 .. epochs - 1, by a schedule as `trainables.recipe` declares it.

    constant: 1. step: times gamma at each of ``milestones`` and every ``every`` epochs. cosine: from 1 down
    to ``final``, reached after the last epoch. ``warmup``: epochs of linear rise first.
    """
    warmup = schedule["warmup"]
    if epoch < warmup:
        return float((epoch + 1) / (warmup + 1))
    if schedule["name"] == "step":
        every = schedule["every"]
        drops = sum(epoch >= m for m in schedule["milestones"]) + (epoch // every if every else 0)
        return float(schedule["gamma"] ** drops)
    if schedule["name"] == "cosine":
        final, done = schedule["final"], (epoch - warmup) / max(1, epochs - warmup)
        return float(final + (1 - final) * 0.5 * (1 + math.cos(math.pi * done)))
    return 1.0
