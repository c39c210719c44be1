"""What is learned: the loss of a lane's batch and the scores of a split, per task.

All functions take ``output`` (..., B, outputs) and ``target``: labels (..., B), or numbers (..., B, outputs). Leading
axes are lanes, which a target may leave out where they share it; losses and sums are (...).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Loss(Protocol):
    """Called, it gives the losses (...) of a batch, for autograd; ``gradient`` gives them with their gradients by the
    output, shaped as that, in fewer steps and of the same bits."""

    def __call__(self, output: Tensor, target: Tensor) -> Tensor: ...

    def gradient(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]: ...


@dataclass(frozen=True)
class Task:
    """``sums`` are summed over batches, ``scores`` turns them and the number of examples into named scores.

    ``answers`` (..., B) says of each example whether it is right, or how large its squared error is.
    """

    loss: Loss
    sums: Callable[[Tensor, Tensor], dict[str, Tensor]]
    scores: Callable[[dict[str, Tensor], int], dict[str, Tensor]]
    answers: Callable[[Tensor, Tensor], Tensor]


def _negative_log_likelihood(output: Tensor, target: Tensor) -> Tensor:
    """(..., B): -log softmax(output)[target]; in fewer and faster steps than `F.cross_entropy` and log_softmax are."""
    labels = target.expand(output.shape[:-1]).unsqueeze(-1)
    return output.logsumexp(-1) - output.gather(-1, labels).squeeze(-1)


@dataclass(frozen=True)
class CrossEntropy:
    """mean over the batch of w[y] * -log softmax(output)[y]; not divided by the batch's weights, so that no step is
    larger for having drawn rare classes only.

    Attributes:
        weights: (classes,); None for 1.
    """

    weights: Tensor | None = None

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        losses = _negative_log_likelihood(output, target)
        return (losses if self.weights is None else self.weights[target] * losses).mean(-1)

    def gradient(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """w[y] (softmax(output) - onehot(y)) / B."""
        labels = target.expand(output.shape[:-1]).unsqueeze(-1)
        logarithm = output.logsumexp(-1, keepdim=True)
        losses = (logarithm - output.gather(-1, labels)).squeeze(-1)
        share = output.new_full((), 1 / output.shape[-2])
        if self.weights is not None:
            losses = self.weights[target] * losses
            share = (share * self.weights[target]).unsqueeze(-1)
        slope = torch.sub(output, logarithm).exp_().mul_(share)
        slope.scatter_add_(-1, labels, (-share).expand(labels.shape))
        return losses.mean(-1), slope


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


class MeanSquaredError:
    """mean over the batch and the outputs of (output - target)^2."""

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square().mean((-2, -1))

    def gradient(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """2 (output - target) / (B outputs)."""
        difference = output - target
        share = 1 / (output.shape[-2] * output.shape[-1])
        return difference.square().mean((-2, -1)), difference.mul_(2).mul_(share)


def _squared_scores(sums: dict[str, Tensor], examples: int) -> dict[str, Tensor]:
    mse = sums["error"] / examples
    return {"loss": mse, "mse": mse, "nmse": sums["error"] / sums["power"]}


_SQUARED_ERROR = Task(MeanSquaredError(), _squared_sums, _squared_scores, _squared_errors)

TASKS: dict[str, Task] = {
    "classification": Task(CrossEntropy(), _classification_sums, _classification_scores, _right),
    "regression": _SQUARED_ERROR,
    "reconstruction": _SQUARED_ERROR,
}
