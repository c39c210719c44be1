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


def _negative_log_likelihood(output: Tensor, target: Tensor) -> Tensor:
    """(B,): -log softmax(output)[target]; `F.cross_entropy` does the same, but under vmap in many small steps."""
    return -output.log_softmax(-1).gather(-1, target.unsqueeze(-1)).squeeze(-1)


def _cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    return _negative_log_likelihood(output, target).mean()


def _classification_sums(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    return {
        "loss": _negative_log_likelihood(output, target).sum(),
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
    "classification": Task(_cross_entropy, _classification_sums, _classification_scores),
    "regression": _SQUARED_ERROR,
    "reconstruction": _SQUARED_ERROR,
}
