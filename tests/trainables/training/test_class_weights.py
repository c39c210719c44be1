"""Weights of classes in the training loss, against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from trainables.problem import problem
from trainables.recipe import Recipe
from trainables.training.class_weights import training_loss
from trainables.training.stack import Stack, Trial

CPU = torch.device("cpu")
DIGITS = problem({"name": "digits"}, {"name": "mlp", "widths": [8]}, 0)
ARGUMENTS = torch.randn(3, 20, 10, generator=torch.Generator().manual_seed(1)), torch.arange(20) % 10


def test_given_weights_are_torchs_without_its_normalisation() -> None:
    weights = [0.5 + 0.1 * number for number in range(10)]
    output, target = ARGUMENTS
    loss = training_loss(DIGITS, weights, CPU)(output, target)
    expected = [functional.cross_entropy(o, target, torch.tensor(weights), reduction="none").mean() for o in output]
    torch.testing.assert_close(loss, torch.stack(expected))


def test_the_gradient_is_that_of_autograd_with_weights_too() -> None:
    output, target = ARGUMENTS
    loss = training_loss(DIGITS, [0.5 + 0.1 * number for number in range(10)], CPU)
    leaf = output.clone().requires_grad_()
    losses, slope = loss.gradient(output, target)
    assert torch.equal(losses, loss(leaf, target))
    assert torch.equal(slope, torch.autograd.grad(loss(leaf, target).sum(), leaf)[0])


def test_balanced_weights_have_mean_one_over_the_examples() -> None:
    output = torch.zeros(1, len(DIGITS.dataset.train.y), 10)
    loss = training_loss(DIGITS, "balanced", CPU)(output, DIGITS.dataset.train.y)
    torch.testing.assert_close(loss, torch.tensor([10.0]).log(), rtol=1e-5, atol=1e-5)


def test_without_weights_the_loss_is_the_tasks_own() -> None:
    assert training_loss(DIGITS, None, CPU) is DIGITS.task.loss


def test_what_has_other_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="a weight for each of 10 classes, but got 2"):
        training_loss(DIGITS, [1.0, 2.0], CPU)
    autoencoder = problem({"name": "digits", "task": "reconstruction"}, {"name": "mlp", "widths": [8]}, 0)
    with pytest.raises(ValueError, match="expected a classification, but got reconstruction"):
        training_loss(autoencoder, "balanced", CPU)


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_class_that_counts_for_all_is_what_is_learned(lanes: int) -> None:
    trials = [Trial(f"dense-{lane}", lane, 0, {"lr": 0.01}) for lane in range(lanes)]
    accuracies = []
    for weights in (None, tuple(1e-3 if label else 10.0 for label in range(10))):
        stack = Stack(DIGITS, "dense", Recipe(epochs=3, class_weights=weights), trials, CPU)
        while not stack.done:
            stack.train_epoch()
        accuracies.append(stack.scores("validation")["accuracy"])
    assert (accuracies[0] > accuracies[1] + 0.3).all()
