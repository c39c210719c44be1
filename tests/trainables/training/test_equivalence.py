"""Every network is made smaller and compared; what does not stand the comparison says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from trainables.compaction import compact, cost
from trainables.deploy.saved import Saved
from trainables.problem import problem
from trainables.training import equivalence
from trainables.training.equivalence import TOLERANCE, outcomes
from trainables.training.stack import Stack

DIGITS = {"name": "digits", "limit": 180}


def pruned(training: Any, **model: Any) -> Stack:
    """Three trained networks, of which a quarter to three quarters of the units are gone."""
    trials = training.trials([{"sparsity": s} for s in (0.25, 0.5, 0.75)])
    where = problem(DIGITS | {"image": "channels" in model or "depth" in model}, {"name": "mlp"} | model, 0)
    return training.trained(training.stack("magnitude", trials, training.recipe(), where))


def deployed(stack: Stack, lane: int) -> torch.nn.Module:
    params = stack.method.deployed(stack.params, stack.state, stack.knobs) | stack.buffers
    return equivalence.network(stack.problem.graph, {name: tensor[lane] for name, tensor in params.items()})


@pytest.mark.parametrize(
    "model",
    [
        {"widths": [12, 8]},
        {"widths": [12, 8], "activation": "sigmoid", "batch_norm": True, "dropout": 0.2},
        {"name": "convnet", "channels": [5, 6], "batch_norm": True},
        {"name": "resnet", "depth": 8, "widths": [4, 5, 6]},
    ],
    ids=["mlp", "mlp-batch-norm", "convnet", "resnet"],
)
def test_compact_networks_compute_the_same(training: Any, model: dict[str, Any]) -> None:
    stack = pruned(training, **model)
    x = stack.problem.dataset.inputs(stack.problem.dataset.test.x)
    for lane, outcome in enumerate(outcomes(stack)):
        assert outcome is not None and outcome.module is not None
        assert set(outcome.columns) == {"max_abs_difference", "argmax_agreement"}
        assert 0 <= outcome.columns["max_abs_difference"] < TOLERANCE
        assert outcome.columns["argmax_agreement"] == 1
        whole = deployed(stack, lane)
        with torch.no_grad():
            torch.testing.assert_close(outcome.module(x), whole(x), atol=1e-4, rtol=1e-4)
        built = sum(p.numel() for p in outcome.module.parameters())
        assert built == int(stack.history[-1]["parameters"][lane]) < sum(p.numel() for p in whole.parameters())


def test_a_failed_trial_has_no_outcome(training: Any) -> None:
    stack = pruned(training)
    stack.failures[1] = "diverged"
    assert [outcome is None for outcome in outcomes(stack)] == [False, True, False]
    stack.failures = ["diverged"] * 3
    assert outcomes(stack) == [None] * 3


def test_large_outputs_may_differ_by_more(training: Any) -> None:
    stack = pruned(training)
    stack.params["output.weight"] *= 1e6
    (first, *_) = outcomes(stack)
    assert first is not None and first.module is not None
    assert first.columns["max_abs_difference"] > TOLERANCE


def reasons(stack: Stack) -> list[str]:
    found = []
    for outcome in outcomes(stack):
        assert outcome is not None and outcome.module is None
        assert outcome.columns["status"] == "NOT_EQUIVALENT"
        found.append(outcome.columns["reason"])
    return found


def test_broken_folding_is_not_equivalent(training: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = pruned(training, activation="sigmoid")
    assert all(outcome and outcome.module for outcome in outcomes(stack))
    monkeypatch.setattr(compact, "_fold", lambda *_: None)
    assert all("outputs of its compact network differ by" in reason for reason in reasons(stack))


def test_wrong_counts_are_not_equivalent(training: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = pruned(training)
    count = cost.count
    monkeypatch.setattr(cost, "count", lambda *a: count(*a) | {"parameters": count(*a)["parameters"] + 1})
    assert all("that were counted" in reason for reason in reasons(stack))


def test_a_network_that_cannot_be_cut_is_not_equivalent(training: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no such luck")

    stack = pruned(training)
    monkeypatch.setattr(compact, "compact", fail)
    assert reasons(stack) == ["its network could not be made smaller: RuntimeError: no such luck"] * 3


def test_outputs_that_are_not_finite_are_not_equivalent(training: Any) -> None:
    stack = pruned(training)
    stack.params["output.bias"][:, 0] = float("nan")
    assert all("differ by inf" in reason for reason in reasons(stack))


def test_the_card_says_what_the_network_is(training: Any) -> None:
    stack = pruned(training)
    outcome = outcomes(stack)[2]
    assert outcome is not None and outcome.module is not None
    back = Saved.from_bytes(outcome.saved({"trial": "t2", "val_accuracy": 0.5}, study="s").to_bytes())
    assert back.card["study"] == "s" and back.card["trial"] == {"trial": "t2", "val_accuracy": 0.5}
    assert back.card["classes"] == [str(i) for i in range(10)] and back.card["data_set"] == "digits"
    widths = stack.history[-1]["widths"][2].tolist()
    assert [back.module.get_submodule(f"hidden{i}").out_features for i in (1, 2)] == widths


def test_each_trial_has_the_preprocessing_of_its_own_data(training: Any) -> None:
    where = problem({"name": "sparse_regression", "resample": True}, {"name": "linear_regression"}, 0, [0, 1])
    one, other = where.datasets
    where = replace(where, datasets=(one, replace(other, mean=other.mean + 1)))
    trials = training.trials([{}, {}])
    stack = training.stack("dense", trials, training.recipe(epochs=1, polish=0, lr=1e-6), where)
    training.trained(stack)
    first, second = (outcome.saved({}).card["preprocessing"] for outcome in outcomes(stack) if outcome)
    assert first["mean"] == where.datasets[0].mean.tolist()
    assert second["mean"] == where.datasets[1].mean.tolist()
    assert first != second


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_networks_on_a_gpu_compute_the_same(training: Any) -> None:
    where = problem(DIGITS | {"image": True}, {"name": "resnet", "depth": 8, "widths": [4, 5, 6]}, 0)
    trials = training.trials([{"sparsity": s} for s in (0.25, 0.75)])
    stack = training.trained(Stack(where, "magnitude", training.recipe(), trials, torch.device("cuda")))
    for outcome in outcomes(stack):
        assert outcome is not None and outcome.module is not None, outcome
        Saved.from_bytes(outcome.saved({}).to_bytes())
