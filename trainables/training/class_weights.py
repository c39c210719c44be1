"""Losses that weigh classes: rare ones count as much as frequent ones, or as the user says."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from trainables.errors import StudyError
from trainables.problem import Problem
from trainables.tasks import CrossEntropy, Loss


def training_loss(problem: Problem, given: str | Sequence[float] | None, device: torch.device) -> Loss:
    """The loss that is trained; scores are never weighted.

    Args:
        given: "balanced", N / (C n_c) for class c, whose mean over the training examples is 1; a weight for each
            class in the order of the labels; or None.

    Raises:
        StudyError: the task has no classes, or another number of them.
    """
    if given is None:
        return problem.task.loss
    if problem.dataset.task != "classification":
        raise StudyError(f"class_weights: expected a classification, but got {problem.dataset.task}")
    classes = problem.dataset.outputs
    if given == "balanced":
        labels = torch.cat([dataset.train.y for dataset in problem.datasets])
        counts = torch.bincount(labels, minlength=classes)
        weights = len(labels) / (classes * counts.clamp(min=1))
    else:
        if len(given) != classes:
            raise StudyError(f"class_weights: expected a weight for each of {classes} classes, but got {len(given)}")
        weights = torch.tensor([float(weight) for weight in given])
    return CrossEntropy(weights.float().to(device))
