"""Polishing without the dead units against polishing with them: the same curves, scores, counts and weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from trainables import shrink
from trainables.groups import Layer, liveness, outgoing_matrix, trace, write_outgoing
from trainables.methods import METHODS, Dense, Knob, Knobs, Params, State
from trainables.problem import Problem, problem
from trainables.stack import Recipe, Stack, Trial

# Sums over fewer units come in another order; float32, some twenty steps.
CLOSE = {"rtol": 2e-3, "atol": 2e-4}

SGD = {"name": "sgd", "momentum": 0.9, "weight_decay": 0.01}
ADAM = {"name": "adam", "weight_decay": 0.01}
DEPTHWISE = {"name": f"{__name__}:Depthwise"}


class Prune(Dense):
    """Dense training, then units die: their rows, all but the rows' norms, all but their biases, or their columns.

    Of each set of layers every second unit dies in all lanes, and others by lane.
    """

    name = "prune"
    title = "Kills units for tests"
    knobs: ClassVar[dict[str, Knob]] = {
        "how": Knob("rows", "what becomes zero", choices=("rows", "weights", "no_bias", "columns"))
    }

    def finish(self, params: Params, state: State, knobs: Knobs) -> None:
        how = ("rows", "weights", "no_bias", "columns")[int(knobs["how"][0])]
        for layer in self.graph.hidden:
            dead = dying(layer, len(knobs["how"]))
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


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "prune", Prune)


def digits(model: str, **options: Any) -> Problem:
    image = {"image": True} if model in ("convnet", "resnet20", DEPTHWISE["name"]) else {}
    return problem({"name": "digits", "limit": 120} | image, {"name": model} | options, seed=0)


def mlp(**options: Any) -> Problem:
    return digits("mlp", widths=[12, 8], **options)


def stack(where: Problem, choice: str, lanes: int = 1, how: str = "rows", **recipe: Any) -> Stack:
    options: dict[str, Any] = {"epochs": 4, "polish": 3, "batch_size": 16, "lr": 0.02, "optimizer": SGD}
    trials = [Trial(f"t{i}", 10 + i, 0, {"how": how}) for i in range(lanes)]
    return Stack(where, "prune", Recipe(**options | recipe), trials, torch.device("cpu"), choice)


def trained(found: Stack) -> Stack:
    while not found.done:
        found.train_epoch()
    return found


def assert_same(one: Stack, other: Stack, **tolerance: float) -> None:
    """Curves, scores and counts, the zeros, and every number that an output depends on."""
    tolerance = tolerance or CLOSE
    for entry, counterpart in zip(one.history, other.history, strict=True):
        for name in entry.keys() - {"seconds"}:
            torch.testing.assert_close(entry[name], counterpart[name], **tolerance, msg=lambda m, n=name: f"{n}: {m}")
    for name, value in one.scores("test").items():
        torch.testing.assert_close(value, other.scores("test")[name], **tolerance)
    graph = one.problem.graph
    read = {layer.name: (shrink.needed(graph, one.masks) if one.masks else one.alive().units)[layer.name] for layer in graph.layers}
    for layer in graph.layers:
        kept = read[layer.name].any(0)
        columns = graph.columns(layer.name, layer.inputs, read)
        for name in layer.rows:
            a, b = one.params[name], other.params[name]
            assert torch.equal(a == 0, b == 0), name
            a, b = a[:, kept], b[:, kept]
            if name == layer.weight and columns is not None and layer.groups == 1:
                a, b = a[:, :, columns.any(0)], b[:, :, columns.any(0)]
            torch.testing.assert_close(a, b, **tolerance, msg=lambda m, n=name: f"{n}: {m}")


ROWS: dict[str, tuple[Callable[[], Problem], str]] = {
    "relu": (mlp, "rows"),
    "tanh": (lambda: mlp(activation="tanh"), "rows"),
    "softplus": (lambda: mlp(activation="softplus"), "columns"),
    "mlp batch norm": (lambda: mlp(batch_norm=True), "rows"),
    "mlp batch norm unread": (lambda: mlp(batch_norm=True), "columns"),
    "convnet": (lambda: digits("convnet", channels=[4, 6]), "rows"),
    "convnet batch norm": (lambda: digits("convnet", channels=[4, 6], batch_norm=True), "rows"),
    "depthwise": (lambda: digits(DEPTHWISE["name"]), "rows"),
}


@pytest.mark.parametrize("optimizer", [SGD, ADAM], ids=["sgd", "adam"])
@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("row", ROWS)
def test_shrunk_equals_whole(row: str, lanes: int, optimizer: dict[str, Any]) -> None:
    make, how = ROWS[row]
    where = make()
    lr = 0.02 if optimizer is SGD else 0.002
    whole, small = (trained(stack(where, c, lanes, how, optimizer=optimizer, lr=lr)) for c in ("off", "on"))
    assert whole.small is None
    assert small.small is not None
    for layer in where.graph.hidden:
        left = len(small.small.skeleton.get_parameter(layer.weight))
        assert left == int((~dying(layer, lanes)).any(0).sum()), "units that live in some lane stay, others go"
    assert_same(whole, small)
