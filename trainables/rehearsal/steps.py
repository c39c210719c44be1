"""A step of a method on a few real examples, with all that follows one: scores, polishing, a smaller network."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from trainables.compaction import cost
from trainables.data import Dataset, Split
from trainables.groups import everything
from trainables.problem import Problem
from trainables.recipe import Recipe
from trainables.training import Stack, Trial, outcomes

Trials = Sequence[Mapping[str, float | int | str | bool]]
"""Parameters of a trial each."""

_EXAMPLES = 32
_MOMENTS = {"adam": 2, "adamw": 2, "sgd": 1}


@dataclass(frozen=True)
class StepFacts:
    """What became of a method's step."""

    method: str
    seconds: float
    """Of the whole try: set-up, step, scores, compaction."""
    problem: str
    """What would go wrong; empty where nothing did."""


def rehearse(problem: Problem, method: str, recipe: Recipe, trials: Trials, stacked: bool, device: str) -> StepFacts:
    """One training step, one of polishing where the recipe has it, the scores, a compaction.

    Raises:
        StudyError: parameters that the method refuses, a network that draws random numbers itself.
    """
    started = time.perf_counter()
    polish = min(1, recipe.polish)
    brief = short(recipe, epochs=1 + polish, polish=polish, batch_size=_EXAMPLES)
    lanes = [Trial(f"rehearsal-{i}", i, 0, dict(parameters)) for i, parameters in enumerate(trials)]
    stack = Stack(few(problem, _EXAMPLES), method, brief, lanes if stacked else lanes[:1], torch.device(device), "on")
    while not stack.done:
        stack.train_epoch()
    said = [outcome.columns.get("reason") for outcome in outcomes(stack) if outcome is not None]
    # One step may diverge with a rate at the end of its range, which says nothing of the study.
    return StepFacts(method, time.perf_counter() - started, next((str(reason) for reason in said if reason), ""))


def seconds_per_step(problem: Problem, recipe: Recipe, lanes: int, device: str) -> float:
    """Of all lanes of a stack together: the second of two steps of the dense network, on whole batches."""
    size = min(max(2, recipe.batch_size), len(problem.dataset.train))  # a stack looks at two before it trains
    brief = short(recipe, epochs=2, polish=0, batch_size=size)
    stack = Stack(
        few(problem, size), "dense", brief, [Trial(f"t{i}", i, 0, {}) for i in range(lanes)], torch.device(device)
    )
    stack.train_epoch()
    first = stack.train_seconds
    stack.train_epoch()
    return stack.train_seconds - first


def bytes_of_pack(problem: Problem, recipe: Recipe, lanes: int) -> int:
    """About what a pack occupies: tensors of its lanes, their optimiser, a batch's activations, the data once."""
    graph = problem.graph
    stored = int(cost.footprint(graph, everything(graph))["bytes"])
    held = 4 + _MOMENTS.get(
        str(recipe.optimizer.get("name")), 2
    )  # themselves, gradients, as they were before the step, learning rates, moments
    activations = sum(layer.positions * layer.units for layer in graph.layers) + graph.example.numel()
    data: int = sum(_bytes(split) for d in problem.datasets for split in (d.train, d.validation, d.test))
    return int(lanes * (stored * held + 2 * 4 * activations * recipe.batch_size)) + data


def _bytes(split: Split) -> int:
    copies = 2 if split.x.is_floating_point() else 1  # floats are kept standardised beside the raw ones
    return copies * split.x.numel() * split.x.element_size() + split.y.numel() * split.y.element_size()


def short(recipe: Recipe, epochs: int, polish: int, batch_size: int) -> Recipe:
    """The recipe for so many epochs only, at a constant rate and from the beginning."""
    size, plain = batch_size, {"name": "constant"}
    begun = replace(recipe, warm_start=0, warm_lr=None, evaluate_every=1, lr_schedule=plain)
    return replace(begun, epochs=epochs, polish=polish, batch_size=size)


def few(problem: Problem, examples: int) -> Problem:
    """The problem with the first so many examples of each split."""
    return replace(problem, datasets=tuple(_first(dataset, examples) for dataset in problem.datasets))


def _first(dataset: Dataset, examples: int) -> Dataset:
    parts = (dataset.train, dataset.validation, dataset.test)
    train, validation, test = (Split(part.x[:examples], part.y[:examples]) for part in parts)
    return replace(dataset, train=train, validation=validation, test=test)
