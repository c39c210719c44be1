"""Losses and scores against torch, scikit-learn and their definitions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from sklearn.metrics import accuracy_score, mean_squared_error
from torch.nn import functional as F
from torch.utils._pytree import tree_map

from trainables.tasks import TASKS


def batch(task: str, lanes: tuple[int, ...] = (), examples: int = 23) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(*lanes, examples, 5, generator=generator)
    if task == "classification":
        return output, torch.randint(5, (*lanes, examples), generator=generator)
    return output, torch.randn(*lanes, examples, 5, generator=generator)


def reference(task: str, output: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    if task == "classification":
        accuracy = accuracy_score(target.numpy(), output.argmax(1).numpy())
        return {"loss": float(F.cross_entropy(output, target)), "accuracy": accuracy}
    mse = mean_squared_error(target.numpy(), output.numpy())
    return {"loss": mse, "mse": mse, "nmse": mse / float(target.square().mean())}


@pytest.mark.parametrize("name", TASKS)
def test_scores_equal_the_reference_however_the_split_is_cut(name: str) -> None:
    task, (output, target) = TASKS[name], batch(name)
    expected = reference(name, output, target)
    for cut in (1, 7, 22, 23):
        parts = [task.sums(o, t) for o, t in zip(output.split(cut), target.split(cut), strict=True)]
        sums = {key: torch.stack([part[key] for part in parts]).sum(0) for key in parts[0]}
        scores = {key: float(value) for key, value in task.scores(sums, len(target)).items()}
        assert scores == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", TASKS)
def test_the_loss_is_the_mean_and_agrees_with_torch_with_its_gradient(name: str) -> None:
    task, (output, target) = TASKS[name], batch(name)
    assert float(task.loss(output, target)) == pytest.approx(reference(name, output, target)["loss"], rel=1e-5)
    torch_loss: Any = F.cross_entropy if name == "classification" else F.mse_loss
    ours, theirs = output.clone().requires_grad_(), output.clone().requires_grad_()
    task.loss(ours, target).backward()
    torch_loss(theirs, target).backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("shared", [True, False])
def test_lanes_are_leading_axes(name: str, shared: bool) -> None:
    task, (output, target) = TASKS[name], batch(name, lanes=(3,))
    target = target[0] if shared else target
    each = [target] * 3 if shared else list(target)
    for measure in (task.loss, task.sums):
        alone = [measure(*lane) for lane in zip(output, each, strict=True)]
        mapped = torch.vmap(measure, in_dims=(0, None if shared else 0))(output, target)
        for found in (measure(output, target), mapped):
            torch.testing.assert_close(found, tree_map(lambda *lanes: torch.stack(lanes), *alone))


def test_confident_outputs_have_finite_losses() -> None:
    output = torch.tensor([[1e4, 0.0], [1e4, 0.0]])
    loss = TASKS["classification"].loss(output, torch.tensor([0, 1]))
    assert float(loss) == pytest.approx(5e3)
