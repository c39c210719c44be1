"""A warm start: first epochs of dense training, shared by whoever has the same seeds; the method begins after them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from trainables.errors import Mistakes
from trainables.recipe import Recipe
from trainables.training.lanes import LaneState, put, take
from trainables.training.stack import Stack, Trial

BEGIN, EPOCHS = 2, 5


def recipe(training: Any, **changes: Any) -> Recipe:
    return training.recipe(epochs=EPOCHS, polish=1, warm_start=BEGIN, warm_lr=0.05, **changes)


def alike(settings: Any) -> tuple[Trial, ...]:
    """Trials with one beginning, and rates of their own afterwards."""
    return tuple(Trial(f"t{i}", 7, 0, {**own, "lr": 0.01 + 0.01 * i}) for i, own in enumerate(settings))


def same(stack: Stack, lane: int, other: Stack, other_lane: int) -> None:
    for name, tensor in stack.params.items():
        torch.testing.assert_close(tensor[lane], other.params[name][other_lane], rtol=1e-3, atol=1e-4, msg=name)
    for entry, counterpart in zip(stack.history, other.history, strict=True):
        for name in ("val_loss", "neurons"):
            torch.testing.assert_close(entry[name][lane], counterpart[name][other_lane], rtol=1e-3, atol=1e-4)


def test_trials_that_fork_equal_those_that_train_their_beginnings_themselves(row: Any, training: Any) -> None:
    trials = alike((row.settings * 3)[:3])
    through = training.trained(training.stack(row.method, trials, recipe(training)))
    beginning = training.stack(row.method, [replace(trials[0], trial="start", parameters={})], recipe(training))
    while beginning.epoch < BEGIN:
        beginning.train_epoch()
    (state,) = take(beginning)
    forks = training.stack(row.method, trials, recipe(training))
    put(forks, [LaneState.decode(state.encode())] * 3)
    training.trained(forks)
    for lane in range(3):
        same(forks, lane, through, lane)
    assert not state.state["state"], "nothing of the method is in it"
    torch.testing.assert_close(through.history[BEGIN - 1]["lr"], torch.full((3,), 0.05))
    torch.testing.assert_close(through.history[BEGIN]["lr"], through.lr)


def test_it_is_dense_training_until_the_method_begins(row: Any, training: Any) -> None:
    trials = alike(row.settings[:1])
    warm = training.stack(row.method, trials, recipe(training))
    dense = training.stack("dense", [replace(trials[0], parameters={"lr": 0.05})], training.recipe(epochs=EPOCHS))
    for _ in range(BEGIN):
        warm.train_epoch()
        dense.train_epoch()
    for name, tensor in dense.params.items():
        assert torch.equal(tensor, warm.params[name]), name


@pytest.mark.parametrize("method", ["group_lasso", "npn", "drop_neuron"])
def test_stopped_after_any_epoch_and_resumed_is_uninterrupted(method: str, training: Any) -> None:
    settings = {"group_lasso": {"lambda": 0.02}, "npn": {"lambda": 1e-3, "k_start": 7.0}, "drop_neuron": {"dn": 0.05}}
    trials = alike([settings[method]] * 2)
    whole = training.stack(method, trials, recipe(training))
    states = []
    while not whole.done:
        whole.train_epoch()
        states.append(training.through_file(whole.state_dict()))
    for state in states:
        again = training.stack(method, trials, recipe(training))
        again.load_state_dict(state)
        training.trained(again)
        for name, tensor in whole.params.items():
            assert torch.equal(tensor, again.params[name]), f"{name}, from epoch {state['epoch']}"


def test_it_leaves_the_method_an_epoch() -> None:
    with pytest.raises(Mistakes, match="warm_start"):
        Recipe(epochs=6, polish=2, warm_start=4)
    assert Recipe(epochs=6, polish=2, warm_start=3).warm_lr is None
