"""The table of methods that every contract test of the training loop runs over, and small packs of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from trainables.declarations import Declaration, Settings, declarations
from trainables.problem import Problem, problem
from trainables.recipe import Recipe
from trainables.training.stack import Stack, Trial


@dataclass(frozen=True)
class Row:
    """A method with settings that each do something on digits within a few epochs, its choices mixed."""

    declaration: Declaration

    @property
    def method(self) -> str:
        return self.declaration.name

    @property
    def settings(self) -> tuple[Settings, ...]:
        return self.declaration.examples

    @property
    def off(self) -> Settings | None:
        """Settings with which it is dense training; None where there are none."""
        return self.declaration.off

    def __str__(self) -> str:
        return self.method


ROWS = tuple(map(Row, declarations().values()))


@pytest.fixture(params=ROWS, ids=str)
def row(request: pytest.FixtureRequest) -> Row:
    return request.param


@pytest.fixture(params=[row for row in ROWS if row.off is not None], ids=str)
def row_with_off(request: pytest.FixtureRequest) -> Row:
    return request.param


@pytest.fixture(params=[row for row in ROWS if row.declaration.kind != "control"], ids=str)
def sparse_row(request: pytest.FixtureRequest) -> Row:
    return request.param


@pytest.fixture(scope="module", autouse=True)
def _single_thread(single_thread: None) -> None:
    """All of them train."""


def small_problem(**model: Any) -> Problem:
    """A sixth of digits and, unless told otherwise, an mlp of 12 and 8 units: 6 steps of 32 an epoch."""
    return problem({"name": "digits", "limit": 180}, {"name": "mlp", "widths": [12, 8]} | model, seed=0)


def small_recipe(**changes: Any) -> Recipe:
    given: dict[str, Any] = {"epochs": 3, "polish": 1, "optimizer": {"name": "sgd", "momentum": 0.9}, "lr": 0.05}
    return Recipe(**given | changes)


def trials_of(settings: Sequence[Settings], **shared: float) -> tuple[Trial, ...]:
    """Trials with seeds of their own and, by turns, two data seeds."""
    return tuple(Trial(f"t{i}", 100 + i, i % 2, {**s, **shared}) for i, s in enumerate(settings))


def make_stack(
    method: str, trials: Sequence[Trial], recipe: Recipe | None = None, where: Problem | None = None
) -> Stack:
    return Stack(where or small_problem(), method, recipe or small_recipe(), trials, torch.device("cpu"))


def trained(stack: Stack) -> Stack:
    while not stack.done:
        stack.train_epoch()
    return stack


def through_file(state: Any) -> Any:
    """What is read back of a checkpoint."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@dataclass(frozen=True)
class Training:
    """The functions above, for tests to take as one fixture: test files cannot import each other."""

    problem: Callable[..., Problem] = small_problem
    recipe: Callable[..., Recipe] = small_recipe
    trials: Callable[..., tuple[Trial, ...]] = trials_of
    stack: Callable[..., Stack] = make_stack
    trained: Callable[[Stack], Stack] = trained
    through_file: Callable[[Any], Any] = through_file


@pytest.fixture(scope="session")
def training() -> Training:
    return Training()
