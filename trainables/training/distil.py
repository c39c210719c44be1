"""Polishing that learns from a whole network, too: its answers beside the labels (Hinton, Vinyals, Dean 2015).

loss = (1 - w) * loss(output, label) + w * T^2 * KL(softmax(teacher / T) || softmax(output / T)), a mean over the batch;
T^2 keeps the size of its gradient. Of other tasks the second term is w * mean((output - teacher)^2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from trainables.deploy import Saved
from trainables.errors import StudyError
from trainables.problem import Problem
from trainables.recipe import Distil
from trainables.tasks import Loss

Targets = tuple[Tensor, Tensor]
"""What is learned from data, and the teacher's output (..., B, outputs)."""


@dataclass(frozen=True)
class Distilled:
    """A `Loss` whose target is a pair, `Targets`."""

    loss: Loss
    temperature: float
    weight: float
    classes: bool

    def __call__(self, output: Tensor, target: Targets) -> Tensor:
        label, teacher = target
        data = self.loss(output, label)
        if not self.classes:
            return torch.lerp(data, (output - teacher).square().mean((-2, -1)), self.weight)
        t = self.temperature
        wanted = (teacher / t).log_softmax(-1)
        divergence = (wanted.exp() * (wanted - (output / t).log_softmax(-1))).sum(-1).mean(-1)
        return torch.lerp(data, t * t * divergence, self.weight)

    def gradient(self, output: Tensor, target: Targets) -> tuple[Tensor, Tensor]:
        label, teacher = target
        _, slope = self.loss.gradient(output, label)
        if self.classes:
            t = self.temperature
            other = ((output / t).softmax(-1) - (teacher / t).softmax(-1)) * (t / output.shape[-2])
        else:
            other = (output - teacher) * (2 / (output.shape[-2] * output.shape[-1]))
        return self(output, target), torch.lerp(slope, other.expand_as(slope), self.weight)


class Teacher:
    """The whole network of a study, or the one that all trials start from."""

    def __init__(self, problem: Problem, distil: Distil, device: torch.device) -> None:
        self.distil = distil
        self.network = _network(problem, distil.teacher).to(device)

    def loss(self, loss: Loss, problem: Problem) -> Distilled:
        classes = problem.dataset.task == "classification"
        return Distilled(loss, self.distil.temperature, self.distil.weight, classes)

    @torch.no_grad()
    def answers(self, x: Tensor, shared: bool) -> Tensor:
        """(B, outputs) for a batch that lanes share, else (P, B, outputs)."""
        answers: Tensor = self.network(x if shared else x.flatten(0, 1)).flatten(1)
        return answers if shared else answers.view(*x.shape[:2], -1)


def _network(problem: Problem, path: str | None) -> nn.Module:
    """
    Raises:
        StudyError: the file is no network of a study, or one for other data; there is neither a file nor weights.
    """
    if path is None:
        if problem.weights is None or problem.weights.new:
            why = "none" if problem.weights is None else f"{', '.join(problem.weights.new)} would be random"
            raise StudyError(f"distil: expected a teacher, or weights of the whole network, but got {why}")
        return problem.module(0).eval().requires_grad_(False)
    saved = read_teacher(path)
    dataset, about = problem.dataset, saved.card
    if about["outputs"] != dataset.outputs or tuple(about["input_shape"]) != tuple(dataset.input_shape):
        got = f"{tuple(about['input_shape'])} to {about['outputs']}"
        raise StudyError(
            f"distil: expected {path} to lead from {tuple(dataset.input_shape)} to {dataset.outputs}, but got {got}"
        )
    mean, std = (torch.tensor(about["preprocessing"][name]).to(dataset.mean) for name in ("mean", "std"))
    if not (torch.allclose(mean, dataset.mean) and torch.allclose(std, dataset.std)):
        raise StudyError(f"distil: expected {path} to be of data standardised as here, but its mean and std are others")
    return saved.module


@lru_cache(maxsize=2)
def read_teacher(path: str) -> Saved:
    """
    Raises:
        StudyError: there is no such file, or it is no network of a study.
    """
    try:
        return Saved.from_bytes(Path(path).expanduser().read_bytes(), path)
    except FileNotFoundError:
        raise StudyError(f"distil: expected a network of a study (models/TRIAL.safetensors), not {path}") from None
