"""The table of methods that every contract test of the training loop runs over, and small packs of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from trainables.methods import METHODS
from trainables.problem import Problem, problem
from trainables.recipe import Recipe
from trainables.training.stack import Stack, Trial

Settings = Mapping[str, float | str]


@dataclass(frozen=True)
class Row:
    """A method with settings that each do something on digits within a few epochs, its choices mixed."""

    method: str
    settings: tuple[Settings, ...]
    off: Settings | None
    """Settings with which it is dense training; None where there are none."""
    sweep: tuple[Settings, ...]
    """Settings of which some lose units and keep the accuracy."""

    def __str__(self) -> str:
        return self.method


def _each(name: str, values: Sequence[float], **others: float | str) -> tuple[Settings, ...]:
    return tuple({name: value, **others} for value in values)


ROWS = (
    Row("dense", ({},), {}, ()),
    Row(
        "group_lasso",
        (
            {"lambda": 0.01},
            {"lambda": 0.02, "beta_first": 0.3, "beta_rest": 1.5, "cadence": "epoch"},
            {"lambda": 1.0, "weighting": "mean"},
            {"lambda": 0.05, "weighting": "none", "beta_3": 0.0},
        ),
        {"lambda": 0.0},
        _each("lambda", (1e-3, 3e-3, 1e-2)),
    ),
    Row(
        "sparse_group_lasso",
        (
            {"lambda": 0.01},
            {"lambda": 0.02, "alpha": 0.2, "cadence": "epoch", "beta": 0.5},
            {"lambda": 0.01, "alpha": 1.0, "weighting": "mean"},
        ),
        {"lambda": 0.0},
        _each("lambda", (1e-3, 3e-3, 1e-2)),
    ),
    Row(
        "exclusive_group",
        (
            {"lambda": 0.005},
            {"lambda": 0.01, "m": 0.0, "update": "exact"},
            {"lambda": 0.02, "m": 0.5, "group_scale_1": 2.0, "exclusive_scale_first": 0.5},
        ),
        {"lambda": 0.0},
        _each("lambda", (7e-3, 1e-2), m=0.1, update="exact") + _each("lambda", (7e-3, 1e-2), m=0.1),
    ),
    Row(
        "drop_neuron",
        (
            {"dn": 0.02, "l1": 1e-3},
            {"dn": 0.1, "update": "proximal", "ratio": 0.7},
            {"dn": 0.05, "l2": 1e-3, "threshold": 0.05, "scale": 0.2},
        ),
        {"threshold": 0.0},
        _each("dn", (0.01, 0.03, 0.1)) + _each("dn", (0.03, 0.1), update="proximal"),
    ),
    Row(
        "npn",
        (
            {"lambda": 0.5, "gate_lr": 0.03},
            {"mode": "expand", "active": 0.4, "k_expand": 2.0, "gate_lr": 0.03, "start": "paper"},
            {"lambda": 0.2, "gate": "hard", "estimator": "ar", "gate_lr": 0.01, "lambda_1": 2.0},
        ),
        None,
        _each("lambda", (0.03, 0.1, 0.3), gate_lr=0.01) + _each("lambda", (0.03, 0.1), gate_lr=0.03, estimator="ar"),
    ),
    Row(
        "magnitude",
        ({"sparsity": 0.5}, {"sparsity_1": 0.25, "sparsity_2": 0.75, "scope": "layerwise"}),
        {"sparsity": 0.0},
        _each("sparsity", (0.25, 0.5)),
    ),
    Row(
        "random",
        ({"sparsity": 0.5}, {"sparsity_first": 0.25, "sparsity_rest": 0.75, "scope": "layerwise"}),
        {"sparsity": 0.0},
        _each("sparsity", (0.25, 0.5)),
    ),
)
assert {row.method for row in ROWS} == set(METHODS)


@pytest.fixture(params=ROWS, ids=str)
def row(request: pytest.FixtureRequest) -> Row:
    return request.param


@pytest.fixture(params=[row for row in ROWS if row.off is not None], ids=str)
def row_with_off(request: pytest.FixtureRequest) -> Row:
    return request.param


@pytest.fixture(params=[row for row in ROWS if row.sweep], ids=str)
def sparse_row(request: pytest.FixtureRequest) -> Row:
    return request.param


@pytest.fixture(scope="session", autouse=True)
def single_thread() -> Iterator[None]:
    """Sums in one order, and no fight over the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def denormals() -> Iterator[None]:
    """A trainable flushes them to zero, for its whole process; Hypothesis then refuses to draw floats."""
    yield
    torch.set_flush_denormal(False)


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
