"""What is learned: the loss of a lane's batch and the scores of a split, per task.

All functions take one lane's ``output`` (B, ...) and ``target`` (B, ...); they run under `torch.vmap`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Task:
    """``sums`` are summed over batches, ``scores`` turns them and the number of examples into named scores."""

    loss: Callable[[Tensor, Tensor], Tensor]
    sums: Callable[[Tensor, Tensor], dict[str, Tensor]]
    scores: Callable[[dict[str, Tensor], int], dict[str, Tensor]]


def _classification_sums(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    return {
        "loss": F.cross_entropy(output, target, reduction="sum"),
        "correct": (output.argmax(-1) == target).sum(),
    }


def _classification_scores(sums: dict[str, Tensor], examples: int) -> dict[str, Tensor]:
    return {"loss": sums["loss"] / examples, "accuracy": sums["correct"].to(torch.float64) / examples}


def _squared_sums(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    output, target = output.flatten(1), target.flatten(1)
    return {
        "error": (output - target).square().mean(1).sum(),
        "power": target.square().mean(1).sum(),
    }


def _mean_squared_error(output: Tensor, target: Tensor) -> Tensor:
    return F.mse_loss(output.flatten(1), target.flatten(1))


def _squared_scores(sums: dict[str, Tensor], examples: int) -> dict[str, Tensor]:
    mse = sums["error"] / examples
    return {"loss": mse, "mse": mse, "nmse": sums["error"] / sums["power"]}


_SQUARED_ERROR = Task(_mean_squared_error, _squared_sums, _squared_scores)

TASKS: dict[str, Task] = {
    "classification": Task(F.cross_entropy, _classification_sums, _classification_scores),
    "regression": _SQUARED_ERROR,
    "reconstruction": _SQUARED_ERROR,
}
