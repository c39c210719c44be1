"""Every published setting lies inside the default range for the problem that it was published on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from search_spaces import Choice, Pinned, Range, Scale, Shape, parameters

MOONS = (Shape(80, 100), Shape(2, 80))
LENET_CAFFE = (Shape(20, 1, 25, True), Shape(50, 20, 25, True), Shape(500, 800), Shape(10, 500))
LENET5 = (Shape(32, 1, 25, True), Shape(64, 32, 25, True), Shape(512, 3136), Shape(10, 512))
LENET_CGES = (*LENET5[:2], Shape(1024, 3136), Shape(10, 1024))
LENET300 = (Shape(300, 784), Shape(100, 300), Shape(10, 100))
AUTOENCODER = (Shape(128, 784), Shape(64, 128), Shape(128, 64), Shape(784, 128))
DWORK = (
    *(Shape(n, i, k, True) for n, i, k in ((300, 3, 25), (200, 300, 9), (100, 200, 9))),
    *(Shape(n, i) for n, i in ((500, 400), (200, 500), (10, 200))),
)
_STAGES = [(16, 3)] + [(16, 16)] * 18 + [(32, 16)] + [(32, 32)] * 17 + [(64, 32)] + [(64, 64)] * 17
RESNET56 = (*(Shape(n, i, 9, True) for n, i in _STAGES), Shape(10, 64))
BNET = (
    *(Shape(n, i, 9, True) for n, i in ((64, 3), (64, 64), (128, 64), (128, 128), (256, 128), (256, 256))),
    *(Shape(n, i, 9, True) for n, i in ((512, 256), (512, 512), (512, 512), (512, 512))),
    Shape(1000, 25088),
)
DEC3 = (
    *(Shape(n, i, k, True) for n, i, k in ((96, 1, 9), (96, 96, 9), (128, 96, 9), (128, 128, 9))),
    *(Shape(n, i, 8, True) for n, i in ((512, 128), (512, 512))),
    Shape(36, 512),
)


def mean_factor(epochs: int, *drops: int) -> float:
    """Of a rate that is divided by 10 at each of these epochs."""
    return sum(0.1 ** sum(epoch >= drop for drop in drops) for epoch in range(epochs)) / epochs


def sgd(layers: int, shapes: tuple[Shape, ...], epochs: int, steps: int, factor: float = 1.0) -> Scale:
    return Scale(layers=layers, shapes=shapes, epochs=epochs, steps=steps, factor=factor, optimizer="sgd")


@dataclass(frozen=True)
class Published:
    """``space``: what the experiment has of another kind than the defaults; ``settings``: those that are searched."""

    experiment: str
    method: str
    scale: Scale
    settings: dict[str, float]
    space: dict[str, Any]


MNIST = 60_000
PUBLISHED = [
    Published(
        "Dwork, CIFAR-10",
        "group_lasso",
        sgd(6, DWORK, 300, 15_000),
        {"lr": 0.05, "lambda": 100},
        {"weighting": "mean", "beta": 1},
    ),
    *(
        Published(
            f"Alvarez & Salzmann, {net}",
            method,
            sgd(len(shapes), shapes, 55, 660_000),
            {"lr": 0.01, "lambda": 0.255, "beta_first": 0.102 / 0.255},
            {"cadence": "epoch", "beta_rest": 1},
        )
        for method in ("group_lasso", "sparse_group_lasso")
        for net, shapes in (("BNet", BNET),)
    ),
    *(
        Published(
            "Alvarez & Salzmann, ICDAR",
            method,
            sgd(7, DEC3, 45, 45_000, mean_factor(45, 2, 7, 15)),
            {"lr": 0.1, "lambda": 10.2, "beta_first": 0.5},
            {"cadence": "epoch", "beta_rest": 1},
        )
        for method in ("group_lasso", "sparse_group_lasso")
    ),
    Published("SGL's share", "sparse_group_lasso", Scale(), {"alpha": 0.5}, {}),
    Published(
        "CGES, MNIST",
        "exclusive_group",
        sgd(4, LENET_CGES, 50, 30_000, sum(0.9**i for i in range(6)) / 6),
        {"lr": 0.05, "lambda": 6e-5, "m": 0.2},
        {},
    ),
    Published(
        "DropNeuron, regression",
        "drop_neuron",
        Scale(examples=500, epochs=100, steps=50_000, loss=20_000, shapes=(Shape(5, 20), Shape(1, 5))),
        {"lr": 1e-3, "l1": 50, "dn": 250, "ratio": 0.5, "threshold": 0.01},
        {},
    ),
    Published(
        "DropNeuron, autoencoder",
        "drop_neuron",
        Scale(layers=4, examples=MNIST, epochs=50, steps=11_750, loss=0.11, shapes=AUTOENCODER),
        {"lr": 1e-3, "l1": 1e-5, "dn": 1e-5, "ratio": 0.5, "threshold": 0.005},
        {},
    ),
    *(
        Published(
            "DropNeuron, LeNet-5",
            "drop_neuron",
            Scale(examples=55_000, epochs=9, steps=7812, shapes=LENET5),
            {"lr": 1e-3, "l1": l1, "ratio": 0.5, "threshold": 0.01} | more,
            {},
        )
        for l1, more in ((1e-4, {"dn": 5e-4}), (2e-4, {}))
    ),
    Published(
        "DropNeuron, LeNet-300-100",
        "drop_neuron",
        Scale(layers=3, examples=MNIST, epochs=100, steps=23_500, shapes=LENET300),
        {"lr": 1e-3, "l1": 1e-4, "dn": 5e-4, "ratio": 0.5, "threshold": 0.01},
        {},
    ),
    *(
        Published(
            f"NPN, moons, {mode}",
            "npn",
            Scale(examples=500, epochs=2000, steps=8000, shapes=MOONS, counts_inputs=True),
            {"lr": 1e-3, "lambda": 500 / 8160, "gate_lr": 1e-3, "stage_2": 0.5} | own,
            {"cost": "per_example", "mode": mode},
        )
        for mode, own in (("sparsify", {"k": 7, "stage_1": 0.25}), ("expand", {"k_expand": 1, "stage_1": 0.05}))
    ),
    *(
        Published(
            f"NPN, LeNet5-Caffe, {mode}",
            "npn",
            Scale(layers=4, examples=MNIST, epochs=500, steps=234_500, shapes=LENET_CAFFE),
            {"lr": 1e-3, "lambda": 1, "gate_lr": 1e-3, "stage_1": 0.2, "stage_2": 0.7} | own,
            {"cost": "per_example", "mode": mode},
        )
        for mode, own in (("sparsify", {"k": 7}), ("expand", {"k_expand": 1}))
    ),
    Published(
        "NPN, ResNet-56, sparsify",
        "npn",
        sgd(29, RESNET56, 220, 86_000, mean_factor(220, 60, 120, 180)),
        {"lr": 0.1, "lambda": 1e-5, "gate_lr": 1e-3, "stage_1": 20 / 220, "stage_2": 200 / 220, "k": 7},
        {"cost": "undivided"},
    ),
    Published(  # lambda: 0 or slightly negative, which no logarithmic range has
        "NPN, ResNet-56, expand",
        "npn",
        sgd(29, RESNET56, 220, 86_000, mean_factor(220, 60, 120, 180)),
        {"lr": 0.1, "gate_lr": 1e-3, "stage_1": 20 / 220, "stage_2": 200 / 220, "k_expand": 7},
        {"cost": "undivided", "mode": "expand"},
    ),
    *(  # the gates of these networks as the default charges them: lambda_l c_l / N, or lambda c_l
        Published(f"NPN, a gate of {net}", "npn", Scale(), {"lambda": cost}, {})
        for net, cost in (("moons", 28 / 8160), ("LeNet", 250 / MNIST), ("LeNet", 50 / MNIST), ("ResNet", 1e-5 * 576))
    ),
]


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda p: p.experiment)
def test_default_ranges_contain_what_was_published(published: Published) -> None:
    known = {p.name: p.domain for p in parameters(published.method, published.space, published.scale)}
    for name, value in published.settings.items():
        match known[name]:
            case Range(low, high):
                assert low <= value <= high, f"{name} = {value:g} is not in {low:g} .. {high:g}"
            case Choice(choices):
                assert value in choices
            case Pinned(pinned):
                assert value == pinned, name


def test_gates_on_inputs_are_paid_for_where_inputs_are_counted() -> None:
    for counted, expected in ((True, "paid"), (False, "free")):
        domain = {p.name: p.domain for p in parameters("npn", {}, Scale(counts_inputs=counted))}["input_gates"]
        assert domain == Pinned(expected)


def test_ranges_follow_the_problem() -> None:
    """Four times the steps: half of Adam's rate, a penalty that takes as much from a norm in all."""

    def ends(method: str, name: str, scale: Scale) -> tuple[float, float]:
        return next(p.bounds for p in parameters(method, {}, scale) if p.name == name)

    long = Scale(steps=4 * 2040, epochs=240)
    assert ends("dense", "lr", long) == pytest.approx([end / 2 for end in ends("dense", "lr", Scale())], rel=0.05)
    for method in ("group_lasso", "exclusive_group"):
        expected = [end / 2 for end in ends(method, "lambda", Scale())]
        assert ends(method, "lambda", long) == pytest.approx(expected, rel=0.08)
    assert ends("drop_neuron", "dn", long) == pytest.approx(
        [e / 4 for e in ends("drop_neuron", "dn", Scale())], rel=0.05
    )
