"""What is learned: the loss of a lane's batch and the scores of a split, per task.

All functions take ``output`` (..., B, outputs) and ``target``: labels (..., B), or numbers (..., B, outputs). Leading
axes are lanes, which a target may leave out where they share it; losses and sums are (...).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Task:
    """``sums`` are summed over batches, ``scores`` turns them and the number of examples into named scores.

    ``answers`` (..., B) says of each example whether it is right, or how large its squared error is.
    """

    loss: Callable[[Tensor, Tensor], Tensor]
    sums: Callable[[Tensor, Tensor], dict[str, Tensor]]
    scores: Callable[[dict[str, Tensor], int], dict[str, Tensor]]
    answers: Callable[[Tensor, Tensor], Tensor]


def _negative_log_likelihood(output: Tensor, target: Tensor) -> Tensor:
    """(..., B): -log softmax(output)[target]; in fewer and faster steps than `F.cross_entropy` and log_softmax are."""
    labels = target.expand(output.shape[:-1]).unsqueeze(-1)
    return output.logsumexp(-1) - output.gather(-1, labels).squeeze(-1)


def _cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    return _negative_log_likelihood(output, target).mean(-1)


def weighted_cross_entropy(weights: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """mean over the batch of w[y] * -log softmax(output)[y]; not divided by the batch's weights, so that no step is
    larger for having drawn rare classes only.

    Args:
        weights: (classes,).
    """

    def loss(output: Tensor, target: Tensor) -> Tensor:
        return (weights[target] * _negative_log_likelihood(output, target)).mean(-1)

    return loss


def _classification_sums(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    return {
        "loss": _negative_log_likelihood(output, target).sum(-1),
        "correct": _right(output, target).sum(-1),
    }


def _right(output: Tensor, target: Tensor) -> Tensor:
    return output.argmax(-1) == target


def _squared_errors(output: Tensor, target: Tensor) -> Tensor:
    return (output - target).square().mean(-1)


def _classification_scores(sums: dict[str, Tensor], examples: int) -> dict[str, Tensor]:
    return {"loss": sums["loss"] / examples, "accuracy": sums["correct"].to(torch.float64) / examples}


def _squared_sums(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    power = target.square().mean(-1).sum(-1)
    return {"error": (output - target).square().mean(-1).sum(-1), "power": power.expand(output.shape[:-2])}


def _mean_squared_error(output: Tensor, target: Tensor) -> Tensor:
    return (output - target).square().mean((-2, -1))


def _squared_scores(sums: dict[str, Tensor], examples: int) -> dict[str, Tensor]:
    mse = sums["error"] / examples
    return {"loss": mse, "mse": mse, "nmse": sums["error"] / sums["power"]}


_SQUARED_ERROR = Task(_mean_squared_error, _squared_sums, _squared_scores, _squared_errors)

TASKS: dict[str, Task] = {
    "classification": Task(_cross_entropy, _classification_sums, _classification_scores, _right),
    "regression": _SQUARED_ERROR,
    "reconstruction": _SQUARED_ERROR,
}
