"""Polishing without the dead units against polishing with them: the same curves, scores, counts and weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainables.declarations import Declaration, Knob
from trainables.groups import Layer, outgoing_matrix, write_outgoing
from trainables.groups.liveness import analyse, settle
from trainables.methods import Knobs, Method, Params, State
from trainables.problem import Problem, problem
from trainables.recipe import Recipe
from trainables.training import shrink
from trainables.training.equivalence import outcomes
from trainables.training.pack import Job, Pack
from trainables.training.stack import Stack, Trial

# Sums over fewer units come in another order: after some ten steps in float32, weights differ by up to 2e-6.
CLOSE: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-5}

SGD = {"name": "sgd", "momentum": 0.9, "weight_decay": 0.01}
ADAM = {"name": "adam", "weight_decay": 0.01}
DEPTHWISE, DROPPED, PRUNE = (f"{__name__}:{name}" for name in ("Depthwise", "Dropped", "Prune"))


class Prune(Method):
    """Dense training, then units die: their rows, all but the rows' norms, all but their biases, or their columns.

    Of each set of layers every second unit dies in all lanes, and others by lane.
    """

    declaration = Declaration(
        "prune",
        "Kills units for tests",
        knobs=(Knob("how", "rows", "what becomes zero", choices=("rows", "weights", "no_bias", "columns")),),
    )

    def finish(self, params: Params, state: State, knobs: Knobs) -> None:
        how = knobs.lanes[0]["how"]
        for layer in self.graph.hidden:
            dead = dying(layer, len(knobs.lanes))
            weights = (layer.weight, *((layer.bias,) if layer.bias else ()))
            zeroed = {"rows": layer.rows, "weights": weights, "no_bias": (layer.weight,), "columns": ()}[how]
            for name in zeroed:
                params[name][dead] = 0
            for edge in layer.feeds if how == "columns" else ():
                columns = outgoing_matrix(self.graph, params, layer, edge).clone()
                columns[dead] = 0
                write_outgoing(self.graph, params, layer, edge, columns)


def dying(layer: Layer, lanes: int) -> Tensor:
    """(P, units) bool."""
    generator = torch.Generator().manual_seed(layer.tie)
    dead = torch.rand(lanes, layer.units, generator=generator) < 0.2
    dead[:, 1::2] = True
    return dead


class Depthwise(nn.Module):
    """Separable convolutions; flattened into the output layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 6, 3, padding=1)
        self.each = nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.point = nn.Conv2d(6, 6, 1)
        self.pool = nn.MaxPool2d(4)
        self.output = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.each(torch.relu(self.first(x))))
        out: Tensor = self.output(self.pool(torch.relu(self.point(x))).flatten(1))
        return out


class Dropped(nn.Sequential):
    """Dropout behind the second layer: the units of the first do not see it."""

    def __init__(self) -> None:
        super().__init__(
            *(nn.Flatten(), nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU(), nn.Dropout(0.3)),
            nn.Linear(8, 10),
        )


def digits(model: str, **options: Any) -> Problem:
    image = {"image": True} if model in ("convnet", "resnet", DEPTHWISE) else {}
    return problem({"name": "digits", "limit": 120} | image, {"name": model} | options, seed=0)


def mlp(**options: Any) -> Problem:
    return digits("mlp", widths=[12, 8], **options)


def stack(where: Problem, choice: str, lanes: int = 1, how: str = "rows", **recipe: Any) -> Stack:
    options: dict[str, Any] = {"epochs": 3, "polish": 2, "batch_size": 16, "lr": 0.02, "optimizer": SGD}
    trials = [Trial(f"t{i}", 10 + i, 0, {"how": how}) for i in range(lanes)]
    return Stack(where, PRUNE, Recipe(**options | recipe), trials, torch.device("cpu"), choice)


def trained(found: Stack) -> Stack:
    while not found.done:
        found.train_epoch()
    return found


def _named(name: str, message: str) -> str:
    return f"{name}: {message}"


def assert_same(one: Stack, other: Stack, **tolerance: Any) -> None:
    """Curves, scores and counts, the zeros, and every number that an output depends on."""
    tolerance = tolerance or CLOSE
    for entry, counterpart in zip(one.history, other.history, strict=True):
        for name in entry.keys() - {"seconds"}:
            torch.testing.assert_close(entry[name], counterpart[name], **tolerance, msg=partial(_named, name))
    for name, value in one.scores("test").items():
        torch.testing.assert_close(value, other.scores("test")[name], **tolerance)
    graph = one.problem.graph
    needed = shrink.needed(graph, one.whole.masks)
    for layer in graph.layers:
        kept, columns = needed[layer.name][0], graph.columns(layer.name, layer.inputs, needed)
        for name in layer.rows:
            a, b = one.params[name], other.params[name]
            assert torch.equal(a == 0, b == 0), name
            a, b = a[:, kept], b[:, kept]
            if name == layer.weight and columns is not None and layer.groups == 1:
                a, b = a[:, :, columns.any(0)], b[:, :, columns.any(0)]
            torch.testing.assert_close(a, b, **tolerance, msg=partial(_named, name))


ROWS: dict[str, tuple[Callable[[], Problem], str]] = {
    "relu": (mlp, "rows"),
    "tanh": (lambda: mlp(activation="tanh"), "rows"),
    "softplus": (lambda: mlp(activation="softplus"), "columns"),
    "mlp batch norm": (lambda: mlp(batch_norm=True), "rows"),
    "mlp batch norm unread": (lambda: mlp(batch_norm=True), "columns"),
    "convnet": (lambda: digits("convnet", channels=[4, 6]), "rows"),
    "convnet batch norm": (lambda: digits("convnet", channels=[4, 6], batch_norm=True), "rows"),
    "depthwise": (lambda: digits(DEPTHWISE), "rows"),
    "resnet": (lambda: digits("resnet", depth=8, widths=[4, 4, 6]), "rows"),
    "resnet unread": (lambda: digits("resnet", depth=8, widths=[4, 4, 6]), "columns"),
}


@pytest.mark.parametrize("optimizer", [SGD, ADAM], ids=["sgd", "adam"])
@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("row", ROWS)
def test_shrunk_equals_whole(row: str, lanes: int, optimizer: dict[str, Any]) -> None:
    make, how = ROWS[row]
    where = make()
    lr = 0.02 if optimizer is SGD else 0.002
    whole, small = (trained(stack(where, c, lanes, how, optimizer=optimizer, lr=lr)) for c in ("off", "on"))
    assert whole.reduction is None
    assert small.reduction is not None
    for layer in where.graph.hidden:
        left = len(small.working.skeleton.get_parameter(layer.weight))
        assert left == int((~dying(layer, lanes)).any(0).sum()), "units that live in some lane stay, others go"
    assert_same(whole, small)


@pytest.mark.parametrize(
    "make, how",
    [
        (lambda: mlp(), "no_bias"),
        (lambda: mlp(activation="softplus"), "rows"),
        (lambda: mlp(batch_norm=True), "weights"),
        (lambda: digits("convnet", channels=[4, 6], batch_norm=True), "weights"),
        (lambda: mlp(dropout=0.2), "rows"),
    ],
    ids=["bias", "softplus", "shift of a norm", "shift of a norm, convolutions", "dropout's positions"],
)
def test_nothing_goes_that_is_still_of_consequence(make: Callable[[], Problem], how: str) -> None:
    small = trained(stack(make(), "on", 2, how))
    assert small.reduction is None


@pytest.mark.parametrize("activation", ["relu", "softplus"])
def test_liveness_would_be_the_wrong_criterion(activation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit without inputs can go at the end, its constant folded; in training the constant still teaches."""
    how = "no_bias" if activation == "relu" else "rows"
    whole = trained(stack(mlp(activation=activation), "off", how=how))

    def dead(graph: Any, masks: Params) -> dict[str, Tensor]:
        params = {name: masks.get(name, torch.ones_like(tensor)) for name, tensor in whole.params.items()}
        return settle(graph, analyse(graph, params, {}).alive)

    monkeypatch.setattr(shrink, "needed", dead)
    small = trained(stack(mlp(activation=activation), "on", how=how))
    assert small.reduction is not None
    monkeypatch.undo()
    with pytest.raises(AssertionError):
        assert_same(whole, small)


@pytest.mark.parametrize("optimizer", [SGD, ADAM], ids=["sgd", "adam"])
def test_restored_across_the_boundary(optimizer: dict[str, Any], training: Any) -> None:
    """From every epoch, bit for bit; a state is of the whole networks, and may go on unshrunk."""
    where = digits("convnet", channels=[4, 6], batch_norm=True)
    first = stack(where, "on", 2, optimizer=optimizer)
    states = [training.through_file(first.state_dict())]
    while not first.done:
        first.train_epoch()
        states.append(training.through_file(first.state_dict()))
    for epoch, state in enumerate(states):
        again = stack(where, "on", 2, optimizer=optimizer)
        again.load_state_dict(training.through_file(state))
        assert (again.reduction is not None) == (epoch >= 1)
        assert_same(first, trained(again), rtol=0, atol=0)
        for name in first.params:
            assert torch.equal(first.params[name], again.params[name])
        unshrunk = stack(where, "off", 2, optimizer=optimizer)
        unshrunk.load_state_dict(training.through_file(state))
        assert_same(first, trained(unshrunk))


def test_outside_the_tensors_are_whole() -> None:
    small = trained(stack(digits("convnet", channels=[4, 6], batch_norm=True), "on", 2))
    whole = stack(small.problem, "off", 2)
    for kind in ("params", "buffers"):
        assert {n: t.shape for n, t in getattr(small, kind).items()} == {
            n: t.shape for n, t in getattr(whole, kind).items()
        }
    for outcome in outcomes(small):
        assert outcome is not None
        assert "status" not in outcome.columns


@pytest.mark.parametrize("how", ["rows", "columns"])
def test_units_that_a_dropout_sees_stay(how: str) -> None:
    """Noise is drawn by position: with fewer units the others would get other noise."""
    whole, small = (trained(stack(digits(DROPPED), choice, 2, how)) for choice in ("off", "on"))
    assert small.reduction is not None
    assert small.working.params["1.weight"].shape[1] < 12
    assert small.working.params["3.weight"].shape[1] == 8
    for entry, counterpart in zip(whole.history, small.history, strict=True):
        torch.testing.assert_close(entry["train_loss"], counterpart["train_loss"], **CLOSE)


@pytest.mark.parametrize("vectorize", ["on", "off"])
def test_rows_of_a_pack_are_the_same(vectorize: str) -> None:
    """Those of every trial and epoch, non-zero weights, counts and the comparison with the compact network included."""
    trials = tuple(Trial(f"t{i}", i, i % 2, {"sparsity": 0.3 + 0.2 * i, "lr": 0.02}) for i in range(3))
    recipe = Recipe(epochs=4, polish=3, batch_size=16, optimizer=ADAM)
    data, model = {"name": "digits", "limit": 120}, {"name": "mlp", "widths": [12, 8], "batch_norm": True}
    packs = []
    for choice in ("off", "on"):
        pack = Pack(Job("magnitude", data, model, recipe, trials, vectorize=vectorize, shrink=choice, device="cpu"))
        shrunk = False
        while not pack.done:
            shrunk |= pack.stack is not None and pack.stack.reduction is not None
            pack.train_epoch()
        assert shrunk == (choice == "on")
        packs.append(pack)
    for kind in ("trial_rows", "curve_rows"):
        for one, other in zip(*(getattr(pack, kind)() for pack in packs), strict=True):
            assert one.keys() == other.keys()
            for name in one.keys() - {"seconds", "train_seconds"}:
                expected = pytest.approx(one[name], rel=1e-4, abs=1e-5) if isinstance(one[name], float) else one[name]
                assert other[name] == expected, name


def test_auto_shrinks_where_much_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert trained(stack(mlp(), "auto")).reduction is not None
    monkeypatch.setattr(shrink, "LEAST_SHARE", 0.9)
    assert trained(stack(mlp(), "auto")).reduction is None
    assert trained(stack(mlp(), "on")).reduction is not None
