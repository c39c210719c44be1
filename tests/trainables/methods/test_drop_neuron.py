"""What is special to DropNeuron: its penalty, its threshold, its proximal variant, its layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainables.groups import trace
from trainables.methods import Clock, Knobs, Method, Params, Setting, State, stack_knobs
from trainables.methods.drop_neuron import DropNeuron

SIZES = ((4, 3), (3, 2))
"""Inputs and units of the two layers."""


def bind(
    trials: list[dict[str, Any]], network: nn.Module | None = None, example: Tensor | None = None
) -> tuple[DropNeuron, Knobs, Params, State]:
    """The method on random float64 weights, no two lanes alike."""
    network = network or nn.Sequential(*(nn.Linear(*size) for size in SIZES))
    graph = trace(network, torch.zeros(1, SIZES[0][0]) if example is None else example)
    method = DropNeuron(graph, Setting(examples=50, steps_per_epoch=5, epochs=10, total_epochs=10))
    generator = torch.Generator().manual_seed(0)
    params = {
        name: torch.randn(len(trials), *p.shape, generator=generator, dtype=torch.float64)
        for name, p in network.named_parameters()
    }
    knobs = stack_knobs(DropNeuron.declaration, trials, len(method.layers))
    return method, knobs, params, method.init(params, knobs, torch.arange(len(trials)))


def clock(lanes: int, lr: float = 0.1) -> Clock:
    return Clock(epoch=0, step=0, lr=torch.full((lanes,), lr))


def penalty(trial: dict[str, Any]) -> float:
    """Of the first lane."""
    method, knobs, params, state = bind([trial])
    value = method.penalty(params, state, knobs)
    assert value is not None
    return float(value)


TRIALS: list[dict[str, Any]] = [
    {"l1": 50, "dn": 250, "dn_first": 1, "dn_rest": 0},
    {"l1": 2.0, "l2": 3.0, "dn": 5.0, "ratio": 0.3},
    {"dn": 7.0, "ratio": 1.0, "dn_1": 0.5, "dn_2": 2.0, "scale": 1.0},
    {"dn": 7.0, "ratio": 0.0, "scale": 0.5},
    {"l1": 1.0, "dn": 1.0, "update": "proximal"},
    {},
]


def test_penalty_is_the_formula() -> None:
    method, knobs, params, state = bind(TRIALS)
    got = method.penalty(params, state, knobs)
    assert got is not None
    for lane, trial in enumerate(TRIALS):
        expected = 0.0
        for index, factor in enumerate(
            (trial.get("dn_first", trial.get("dn_1", 1)), trial.get("dn_rest", trial.get("dn_2", 1)))
        ):
            w, b = (params[f"{index}.{kind}"][lane].numpy() for kind in ("weight", "bias"))
            li = sum(np.sqrt(sum(x**2 for x in row)) for row in w)
            lo = sum(np.sqrt(sum(x**2 for x in column)) for column in w.T)
            r = trial.get("ratio", 0.5)
            expected += trial.get("l1", 0) * (np.abs(w).sum() + np.abs(b).sum())
            expected += trial.get("l2", 0) / 2 * ((w**2).sum() + (b**2).sum())
            expected += factor * trial.get("dn", 0) * 2 * (r * li + (1 - r) * lo)
        expected *= trial.get("scale", 0.1) * (trial.get("update") != "proximal")
        assert float(got[lane]) == pytest.approx(expected, rel=1e-6), trial


def test_the_published_coefficients_are_a_tenth_of_the_arguments() -> None:
    given = {"l1": 50, "l2": 1.0, "dn": 250}
    assert penalty(given) == pytest.approx(penalty({"l1": 5, "l2": 0.1, "dn": 25, "scale": 1.0}), rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("trials", [TRIALS, TRIALS[:1], TRIALS[4:5]], ids=["mixed", "without l2", "proximal"])
def test_gradients_are_those_of_autograd_to_the_bit(trials: list[dict[str, Any]], dtype: torch.dtype) -> None:
    method, knobs, params, state = bind(trials)
    params = {name: tensor.to(dtype) for name, tensor in params.items()}
    params["0.weight"][0, 0] = 0
    found, expected = (owner.penalty_gradients(method, params, state, knobs) for owner in (DropNeuron, Method))
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert torch.equal(found[name].to(dtype), gradient), name


def test_penalty_passes_gradcheck() -> None:
    method, knobs, params, state = bind(TRIALS)
    names, tensors = list(params), [p.requires_grad_() for p in params.values()]

    def total(*values: Tensor) -> Tensor:
        found = method.penalty(dict(zip(names, values, strict=True)), state, knobs)
        assert found is not None
        return found

    assert torch.autograd.gradcheck(total, tensors)


def test_the_gradient_is_finite_at_zero() -> None:
    """Where the square root has none: dead units are the normal case."""
    method, knobs, params, state = bind([{"l1": 1.0, "dn": 1.0}])
    zeros = {name: torch.zeros_like(p, requires_grad=True) for name, p in params.items()}
    value = method.penalty(zeros, state, knobs)
    assert value is not None
    gradients = torch.autograd.grad(value.sum(), list(zeros.values()))
    assert not any(bool(gradient.any()) for gradient in gradients)


def test_proximal_lanes_have_no_penalty_and_the_others_no_step() -> None:
    method, knobs, params, state = bind(TRIALS)
    value = method.penalty(params, state, knobs)
    assert value is not None and [bool(v) for v in value] == [True, True, True, True, False, False]
    before = {name: p.clone() for name, p in params.items()}
    method.after_step(params, state, knobs, clock(len(TRIALS)))
    for lane, trial in enumerate(TRIALS):
        moved = any(not torch.equal(params[name][lane], before[name][lane]) for name in params)
        assert moved == (trial.get("update") == "proximal"), trial


def test_the_proximal_step_takes_the_terms_in_turn() -> None:
    """Against NumPy: soft threshold, units' norms, inputs' norms, shrinkage."""
    trials: list[dict[str, Any]] = [
        {"update": "proximal", "l1": 1.0, "l2": 4.0, "dn": 3.0, "ratio": 0.25, "dn_2": 0.5},
        {"update": "proximal", "dn": 30.0},
    ]
    method, knobs, params, state = bind(trials)
    before = {name: p.numpy().copy() for name, p in params.items()}
    method.after_step(params, state, knobs, clock(2))
    for lane, trial in enumerate(trials):
        t = 0.1 * 0.1
        for index in (0, 1):
            w, b = before[f"{index}.weight"][lane], before[f"{index}.bias"][lane]
            l1, l2 = t * trial.get("l1", 0), t * trial.get("l2", 0)
            dn = 2 * t * trial["dn"] * (trial.get("dn_2", 1) if index else 1)
            r = trial.get("ratio", 0.5)
            w, b = (np.sign(v) * np.maximum(np.abs(v) - l1, 0) for v in (w, b))
            for axis, share in ((1, r), (0, 1 - r)):
                norm = np.linalg.norm(w, axis=axis, keepdims=True)
                w = w * np.maximum(0, 1 - dn * share / np.maximum(norm, 1e-300))
            np.testing.assert_allclose(params[f"{index}.weight"][lane], w / (1 + l2), rtol=1e-6)
            np.testing.assert_allclose(params[f"{index}.bias"][lane], b / (1 + l2), rtol=1e-6)


def test_a_strong_proximal_step_makes_exact_zeros_and_a_zero_one_none() -> None:
    method, knobs, params, state = bind([{"update": "proximal", "dn": 1e4}, {"update": "proximal"}])
    before = {name: p.clone() for name, p in params.items()}
    method.after_step(params, state, knobs, clock(2))
    for name in ("0.weight", "1.weight"):
        assert bool((params[name][0] == 0).all())
        assert torch.equal(params[name][1], before[name][1])


def test_smaller_weights_than_the_threshold_end_as_zero() -> None:
    method, knobs, params, state = bind([{"threshold": 0.5}, {"threshold": 0.0}, {}])
    params["0.weight"][2, 0, 0], params["0.weight"][2, 0, 1] = 0.0099, -0.0101
    before = {name: p.clone() for name, p in params.items()}
    method.finish(params, state, knobs)
    for lane, threshold in enumerate((0.5, 0.0, 0.01)):
        for index in (0, 1):
            w = before[f"{index}.weight"][lane]
            assert torch.equal(params[f"{index}.weight"][lane], torch.where(w.abs() < threshold, 0.0, w))
            assert torch.equal(params[f"{index}.bias"][lane], before[f"{index}.bias"][lane])
    assert params["0.weight"][2, 0, :2].tolist() == [0.0, -0.0101]


@pytest.mark.parametrize("update", ["subgradient", "proximal"])
def test_convolutions_are_left_alone(update: str) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    method, knobs, params, state = bind(
        [TRIALS[0] | {"update": update, "threshold": 0.5, "dn_first": 1}], network, torch.zeros(1, 1, 4, 4)
    )
    assert [layer.name for layer in method.layers] == ["3"]
    before = {name: p.clone() for name, p in params.items()}
    value = method.penalty({name: p.requires_grad_() for name, p in params.items()}, state, knobs)
    if update == "subgradient":
        assert value is not None
        found = torch.autograd.grad(value.sum(), list(params.values()), allow_unused=True)
        assert [gradient is not None for gradient in found] == [False, False, True, True]
    with torch.no_grad():
        method.after_step(params, state, knobs, clock(1))
        method.finish(params, state, knobs)
    assert [torch.equal(params[name], before[name]) for name in ("0.weight", "0.bias")] == [True, True]
    assert not torch.equal(params["3.weight"], before["3.weight"])


def test_lanes_with_other_updates_equal_lone_trials(training: Any) -> None:
    settings = [
        {"dn": 0.05, "l1": 1e-3},
        {"dn": 0.05, "update": "proximal"},
        {"dn": 0.05, "l2": 0.1, "ratio": 0.9, "dn_rest": 0.0, "dn_first": 2.0},
        {"l1": 0.01, "update": "proximal", "threshold": 0.05},
    ]
    trials = training.trials(settings)
    pack = training.trained(training.stack("drop_neuron", trials))
    for lane, trial in enumerate(trials):
        alone = training.trained(training.stack("drop_neuron", [trial]))
        for name, tensor in alone.params.items():
            torch.testing.assert_close(pack.params[name][lane], tensor[0], rtol=1e-4, atol=1e-6)
