"""Steps that are replayed are those that are taken: without a GPU by a tape of torch's operations, with one by a graph.

The tape is what a CUDA graph is: operations on tensors at their places, without Python, and what is new lies where it
lay when it was recorded. Whatever would have a GPU wait for Python, or Python for a GPU, cannot be recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from trainables.declarations import declarations
from trainables.math import uniform
from trainables.methods import Clock, Method
from trainables.problem import Problem, problem
from trainables.recipe import Recipe
from trainables.training import Stack, Trial
from trainables.training.replay import Replayed, WatchedClock

CPU = torch.device("cpu")
DIGITS = {"name": "digits", "limit": 460}
RECIPE = Recipe(
    epochs=5, polish=2, batch_size=20, lr_schedule={"name": "cosine"}, optimizer={"name": "adam", "weight_decay": 1e-4}
)
EXCEPT = {"exclusive_group": {"update": "published"}}
"""The exact update goes on until nothing changes, which Python has to see."""
WAITS = ("_local_scalar_dense", "nonzero", "equal", "is_nonzero", "lift_fresh", "masked_select", "item")


class Tape(TorchDispatchMode):
    """Of operations, each with what it was given and what came of it."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, Any, Any, list[tuple[int, Tensor]]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        given = [value for value in tree_flatten((args, kwargs or {}))[0] if isinstance(value, Tensor)]
        if name in WAITS or (name.startswith("index") and any(value.dtype == torch.bool for value in given[1:])):
            raise RuntimeError(f"{name} waits\nfor the device")
        result = func(*args, **kwargs or {})
        places = {value.untyped_storage().data_ptr() for value in given}
        outputs = [(i, value) for i, value in enumerate(tree_flatten(result)[0]) if isinstance(value, Tensor)]
        new = [(i, value) for i, value in outputs if value.untyped_storage().data_ptr() not in places]
        self.operations.append((func, args, kwargs or {}, new))
        return result

    @torch.no_grad()
    def play(self) -> None:
        for func, args, kwargs, new in self.operations:
            results = tree_flatten(func(*args, **kwargs))[0]
            for index, place in new:
                place.copy_(results[index])


class Taped(Stack):
    """Replays its steps without a GPU."""

    refusals: list[str]
    replays = 0

    def _begin_steps(self) -> None:
        self.note()
        super()._begin_steps()
        self.steps.replay(self._tape)

    def _tape(self, run: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """Nothing is computed while a graph is recorded."""
        tape, places = Tape(), self.steps.places()
        before = {name: tensor.clone() for name, tensor in places.items()}
        try:
            with tape:
                result = run()
        finally:
            for name, tensor in before.items():
                places[name].copy_(tensor)
        return tape.play, result

    def note(self) -> None:
        self.refusals = getattr(self, "refusals", [])
        if hasattr(self, "steps") and (replayed := self.steps.replayed) is not None:
            self.refusals += [replayed.refused] if replayed.refused else []
            self.replays += replayed.replays


def trained(kind: type[Stack], where: Problem, method: str, trials: list[Trial], recipe: Recipe = RECIPE) -> Any:
    stack = kind(where, method, recipe, trials, CPU, "on")
    while not stack.done:
        stack.train_epoch()
    return stack


def trials_of(method: str, lanes: int = 3, **more: Any) -> list[Trial]:
    examples = declarations()[method].examples
    return [Trial(f"t{i}", i, 0, {"lr": 1e-3 * (1 + i), **examples[i % len(examples)], **more}) for i in range(lanes)]


def assert_alike(one: Stack, other: Stack) -> None:
    for name, tensor in one.params.items():
        assert torch.equal(tensor, other.params[name]), name
    for entry, counterpart in zip(one.history, other.history, strict=True):
        for name in entry.keys() - {"seconds"}:
            torch.testing.assert_close(entry[name], counterpart[name], rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("method", declarations())
def test_replayed_steps_of_every_method_are_those_that_are_taken(method: str) -> None:
    where = problem(DIGITS, {"name": "mlp", "widths": [12, 8]}, seed=0)
    trials = trials_of(method, **EXCEPT.get(method, {}))
    taped, eager = (trained(kind, where, method, trials) for kind in (Taped, Stack))
    taped.note()
    assert taped.refusals == []
    assert taped.replays >= (RECIPE.epochs - 2) * (len(taped.batches) - 4), "all but first and last ones of epochs"
    assert_alike(taped, eager)


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize(
    "model",
    [{"name": "convnet", "channels": [4, 6], "batch_norm": True}, {"name": "lenet5", "hidden": 20, "dropout": 0.5}],
    ids=lambda model: model["name"],
)
def test_networks_with_statistics_and_noise_of_their_own(model: dict[str, Any], lanes: int) -> None:
    where = problem(DIGITS | {"limit": 230, "image": True}, model, seed=0)
    recipe = Recipe(epochs=3, polish=1, batch_size=20, optimizer={"name": "sgd", "momentum": 0.9})
    taped, eager = (trained(k, where, "group_lasso", trials_of("group_lasso", lanes), recipe) for k in (Taped, Stack))
    taped.note()
    assert taped.refusals == [] and taped.replays
    assert_alike(taped, eager)


def test_what_follows_from_the_epoch_is_recorded_in_each() -> None:
    where = problem(DIGITS, {"name": "mlp", "widths": [8]}, seed=0)
    growing = trials_of("group_lasso", 2, lambda_stages=3, lambda_growth=10.0)
    taped, eager = (trained(kind, where, "group_lasso", growing) for kind in (Taped, Stack))
    taped.note()
    assert taped.refusals == [] and taped.replays
    assert_alike(taped, eager)


def test_the_exact_update_is_taken() -> None:
    where = problem(DIGITS | {"limit": 230}, {"name": "mlp", "widths": [6]}, seed=0)
    trials = trials_of("exclusive_group", 2, update="exact")
    taped, eager = (trained(kind, where, "exclusive_group", trials) for kind in (Taped, Stack))
    taped.note()
    assert taped.refusals == ["it cannot be recorded: _local_scalar_dense waits"]
    assert_alike(taped, eager)


class Counting(Method):
    """Changes something at every tenth step."""

    def after_step(self, params: Any, state: Any, knobs: Any, clock: Clock) -> None:
        if clock.step % 10 == 0:
            params["output.bias"].zero_()


class Reading(Method):
    """Asks the device for a number."""

    def after_step(self, params: Any, state: Any, knobs: Any, clock: Clock) -> None:
        params["output.bias"].mul_(float(params["output.bias"].max()) > 0)


class Replacing(Method):
    """Has a new tensor in each step."""

    def init(self, params: Any, knobs: Any, seeds: Any) -> Any:
        return {"sum": torch.zeros(len(seeds))}

    def after_step(self, params: Any, state: Any, knobs: Any, clock: Clock) -> None:
        state["sum"] = state["sum"] + params["output.bias"].sum(1)


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (Counting, "it depends on the number of the step"),
        (Reading, "it cannot be recorded: _local_scalar_dense waits"),
        (Replacing, "it puts new tensors in the place of old ones"),
    ],
)
def test_what_cannot_be_replayed_is_taken(method: type[Method], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method.declaration = declarations()["dense"]
    monkeypatch.setattr("trainables.training.stack.method_class", lambda name: method)
    where = problem(DIGITS, {"name": "mlp", "widths": [8]}, seed=0)
    taped, eager = (trained(kind, where, "dense", trials_of("dense", 2)) for kind in (Taped, Stack))
    taped.note()
    assert taped.refusals == [said], "and dense polishing is replayed"
    assert taped.replays
    assert_alike(taped, eager)


def test_a_recording_that_comes_to_something_else_is_not_used() -> None:
    class Wrong(Taped):
        def _tape(self, run: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
            play, result = super()._tape(run)
            weight = next(iter(self.params.values()))
            return lambda: (play(), weight.add_(1))[0], result

    where = problem(DIGITS, {"name": "mlp", "widths": [8]}, seed=0)
    wrong, eager = (trained(kind, where, "dense", trials_of("dense", 2)) for kind in (Wrong, Stack))
    wrong.note()
    assert len(wrong.refusals) == 2 and all(said.endswith("came out otherwise") for said in wrong.refusals)
    assert wrong.replays == 0
    assert_alike(wrong, eager)


def test_a_watched_clock_notes_what_is_read() -> None:
    clock = WatchedClock(3, 7, torch.ones(2), 0.5)
    assert torch.equal(clock.lr, torch.ones(2)) and clock.read == set()
    assert (clock.epoch, clock.factor) == (3, 0.5) and clock.read == {"epoch", "factor"}


def test_rates_that_depend_on_the_step_are_not_replayed() -> None:
    replayed = Replayed(lambda batch, clock, extra: torch.zeros(1), dict)
    replayed.begin(Clock(0, 0, torch.ones(1)), lambda clock: clock.lr / (1 + clock.step))
    assert replayed.refused == "rates of the method's own depend on the step"


@pytest.mark.parametrize("number", [0, 1, 41, 2**31, 2**53 + 1, 2**62])
def test_a_number_names_the_same_draw_as_a_tensor_of_it(number: int) -> None:
    seeds = torch.tensor([0, 5, -(2**62)])
    assert torch.equal(uniform(seeds, (4,), 3, number), uniform(seeds, (4,), torch.tensor(3), torch.tensor(number)))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("method", declarations())
@pytest.mark.parametrize(
    "model", [{"name": "mlp", "widths": [12, 8]}, {"name": "convnet", "channels": [4, 6]}], ids=str
)
def test_graphs_on_a_gpu(method: str, model: dict[str, Any]) -> None:
    image = {"image": True} if model["name"] == "convnet" else {}
    where = problem(DIGITS | image, model, seed=0)
    trials = trials_of(method, **EXCEPT.get(method, {}))
    stacks = [Stack(where, method, RECIPE, trials, torch.device("cuda")) for _ in range(2)]
    for epoch in range(RECIPE.epochs - RECIPE.polish):
        stacks[1].steps.replayed = None
        for stack in stacks:
            stack.train_epoch()
        if epoch == 0:
            assert stacks[0].steps.replayed is not None
            assert stacks[0].steps.replayed.refused == "" and stacks[0].steps.replayed.replays
    for name, tensor in stacks[0].params.items():
        torch.testing.assert_close(tensor, stacks[1].params[name], rtol=1e-3, atol=1e-4)
