"""Polishing that learns from a whole network, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from trainables.problem import problem
from trainables.recipe import Distil, Recipe
from trainables.tasks import TASKS
from trainables.training import Job, Outcome, Pack, Trial
from trainables.training.distil import Distilled, read_teacher
from trainables.training.stack import Stack

CPU = torch.device("cpu")
DIGITS = {"name": "digits", "limit": 200}
MLP: dict[str, Any] = {"name": "mlp", "widths": [8]}
TRIALS = tuple(Trial(f"t{i}", i, 0, {"lr": 0.02, "sparsity": 0.4}) for i in range(2))


def arguments(classes: bool) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    output, teacher = torch.randn(3, 20, 10, generator=generator), torch.randn(20, 10, generator=generator)
    return output, torch.arange(20) % 10 if classes else torch.randn(20, 10, generator=generator), teacher


def test_the_loss_is_that_of_the_paper() -> None:
    output, label, teacher = arguments(classes=True)
    found = Distilled(TASKS["classification"].loss, 3.0, 0.25, True)(output, (label, teacher))
    expected = [
        0.75 * F.cross_entropy(o, label)
        + 0.25
        * 9
        * F.kl_div((o / 3).log_softmax(1), (teacher / 3).log_softmax(1), log_target=True, reduction="batchmean")
        for o in output
    ]
    torch.testing.assert_close(found, torch.stack(expected))


@pytest.mark.parametrize("classes", [True, False])
def test_its_gradient_is_that_of_autograd(classes: bool) -> None:
    output, label, teacher = arguments(classes)
    task = TASKS["classification" if classes else "regression"]
    loss = Distilled(task.loss, 2.0, 0.3, classes)
    leaf = output.clone().requires_grad_()
    losses, slope = loss.gradient(output, (label, teacher))
    torch.testing.assert_close(losses, loss(leaf, (label, teacher)))
    torch.testing.assert_close(slope, torch.autograd.grad(loss(leaf, (label, teacher)).sum(), leaf)[0])


def trained(method: str, recipe: Recipe, kept: list[Outcome | None] | None = None, **how: Any) -> list[dict[str, Any]]:
    trials = how.pop("trials", TRIALS)
    model = MLP | how
    pack = Pack(
        Job(method, DIGITS, model, recipe, trials, vectorize="on"),
        keep=lambda rows, found: kept.extend(found) if kept is not None else None,
    )
    while not pack.done:
        pack.train_epoch()
    return pack.trial_rows()


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A dense network of a study."""
    kept: list[Outcome | None] = []
    (row,) = trained("dense", Recipe(epochs=12, polish=0), kept, trials=(Trial("dense-0", 0, 0, {"lr": 0.02}),))
    (outcome,) = kept
    assert outcome is not None
    place = tmp_path_factory.mktemp("dense") / "dense-0.safetensors"
    place.write_bytes(outcome.saved(row, study="s", method="dense", data=DIGITS).to_bytes())
    return str(place)


def test_polishing_comes_closer_to_the_teacher(teacher: str) -> None:
    """With all the weight on its answers; before polishing nothing is different."""
    distances, firsts = [], []
    for distil in (None, Distil(teacher, weight=1.0)):
        stack = Stack(problem(DIGITS, MLP, 0), "magnitude", Recipe(epochs=9, polish=6, distil=distil), TRIALS, CPU)
        for _ in range(3):
            stack.train_epoch()
        firsts.append(stack.history[-1]["val_loss"])
        while not stack.done:
            stack.train_epoch()
        x, _ = stack.feed.batch("validation", 0, 32)
        with torch.no_grad():
            wanted = read_teacher(teacher).module(x).softmax(-1)
            answers = stack.scoring.outputs(stack.params, stack.buffers, x, x).softmax(-1)
        distances.append(float((answers - wanted).abs().mean()))
    assert torch.equal(*firsts)
    assert distances[1] < distances[0]


def test_a_trial_that_was_stopped_while_polishing_goes_on_with_it(teacher: str) -> None:
    recipe = Recipe(epochs=4, polish=2, distil=Distil(teacher))
    where = problem(DIGITS, MLP, 0)
    whole, one = (Stack(where, "magnitude", recipe, TRIALS, CPU) for _ in range(2))
    for _ in range(3):
        one.train_epoch()
    other = Stack(where, "magnitude", recipe, TRIALS, CPU)
    other.load_state_dict(one.state_dict())
    other.train_epoch()
    while not whole.done:
        whole.train_epoch()
    assert all(torch.equal(other.params[name], tensor) for name, tensor in whole.params.items())


def test_the_network_that_trials_start_from_can_be_the_teacher(tmp_path: Path) -> None:
    file = tmp_path / "whole.pt"
    torch.save(problem(DIGITS, MLP, 0).module(5).state_dict(), file)
    rows = trained("magnitude", Recipe(epochs=2, polish=1, distil=Distil()), weights=str(file))
    assert {row["status"] for row in rows} == {"COMPLETE"}


@pytest.mark.parametrize(
    ("distil", "how", "message"),
    [
        (Distil(), {}, "expected a teacher, or weights"),
        (Distil("nowhere.safetensors"), {}, "expected a network of a study"),
    ],
)
def test_mistakes(distil: Distil, how: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trained("magnitude", Recipe(epochs=2, polish=1, distil=distil), **how)
