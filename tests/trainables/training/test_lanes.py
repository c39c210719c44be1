"""A lane is a value: whatever stacks it goes through, and however often it is forked, its numbers are those of one that
trained through. Bit for bit while it keeps its place in stacks of one size: a lane elsewhere has other alignment, and
vectorised sums and optimisers then round the last bit otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from trainables.errors import StudyError
from trainables.training.lanes import LaneState, put, take
from trainables.training.stack import Stack, Trial

OPTIMIZERS = {
    "sgd": {"name": "sgd", "momentum": 0.9, "weight_decay": 1e-4},
    "adam": {"name": "adam"},
    "adamw": {"name": "adamw", "weight_decay": 1e-2},
}
EPOCHS = 5


def assert_same(stack: Stack, lane: int, other: Stack, other_lane: int) -> None:
    """Parameters, buffers and history of both lanes are equal."""
    for kind in ("params", "buffers"):
        one, two = getattr(stack, kind), getattr(other, kind)
        assert one.keys() == two.keys()
        for name in one:
            assert torch.equal(one[name][lane], two[name][other_lane]), f"{name} differs after epoch {stack.epoch}"
    for entry, counterpart in zip(stack.history, other.history, strict=True):
        for name in entry.keys() - {"seconds", "epoch"}:
            a, b = entry[name][lane], counterpart[name][other_lane]
            assert torch.equal(a, b), f"{name} differs in epoch {entry['epoch']}"


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_lane_that_changes_its_stack_at_every_epoch_equals_one_that_stayed(
    row: Any, optimizer: str, training: Any
) -> None:
    """Through files, among other companions each time; half of the lanes are forked on the way."""
    lr = 0.05 if optimizer == "sgd" else 0.01
    recipe = training.recipe(epochs=EPOCHS, polish=2, optimizer=OPTIMIZERS[optimizer], lr=lr)
    trials = training.trials((row.settings * 6)[:6])
    wholes = [training.stack(row.method, own, recipe) for own in (trials[:3], trials[3:])]
    through = {trial.trial: (whole, lane) for whole in wholes for lane, trial in enumerate(whole.trials)}
    groups = [list(zip(whole.trials, take(whole), strict=True)) for whole in wholes]
    for epoch in range(EPOCHS):
        for whole in wholes:
            whole.train_epoch()
        if epoch == 2:
            groups[1] = [(replace(trial, trial=f"{trial.trial} again"), state) for trial, state in groups[0]]
        place = epoch % 3
        groups[0][place], groups[1][place] = groups[1][place], groups[0][place]
        for group in groups:
            stack = training.stack(row.method, [trial for trial, _ in group], recipe)
            put(stack, [LaneState.decode(state.encode()) for _, state in group])
            stack.train_epoch()
            for lane, (trial, state) in enumerate(zip(stack.trials, take(stack), strict=True)):
                group[lane] = (trial, state)
                assert_same(*through[trial.trial.removesuffix(" again")], stack, lane)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_lanes_of_shrunk_stacks_are_whole(optimizer: str, training: Any) -> None:
    """Dissolved and formed again at every epoch, polishing included: the same bits. In another order, and in stacks
    that keep other units: the same up to the order of summation, zeros exactly."""
    trials = tuple(Trial(f"t{i}", i, i % 2, {"sparsity": 0.4 + 0.1 * i, "lr": 0.02}) for i in range(3))
    recipe = training.recipe(epochs=EPOCHS, polish=4, optimizer=OPTIMIZERS[optimizer])

    def stack(own: Any, states: Any) -> Stack:
        made = Stack(training.problem(batch_norm=True), "magnitude", recipe, own, torch.device("cpu"), "on")
        if states:
            put(made, [states[trial.trial] for trial in own])
        return made

    whole = stack(trials, {})
    again: dict[str, LaneState] = {}
    apart: dict[str, LaneState] = {}
    for _ in range(EPOCHS):
        whole.train_epoch()
        one, two, alone = stack(trials, again), stack(trials[2:0:-1], apart), stack(trials[:1], apart)
        for part in (one, two, alone):
            part.train_epoch()
        again = {trial.trial: state for trial, state in zip(trials, take(one), strict=True)}
        parts = [
            (trial, state, part) for part in (two, alone) for trial, state in zip(part.trials, take(part), strict=True)
        ]
        apart = {trial.trial: state for trial, state, _ in parts}
        for lane, trial in enumerate(trials):
            assert_same(whole, lane, one, lane)
            entry = apart[trial.trial].state["history"][-1]
            torch.testing.assert_close(entry["val_loss"][0], whole.history[-1]["val_loss"][lane], rtol=1e-3, atol=1e-4)
            assert torch.equal(entry["widths"][0], whole.history[-1]["widths"][lane])
    assert whole.reduction is not None
    assert alone.reduction is not None


def test_the_same_state_is_the_same_bytes_whoever_was_beside_it(training: Any) -> None:
    trials = training.trials([{"lambda": 0.02}, {"lambda": 0.01}, {"lambda": 0.03}])
    one, two = (training.stack("group_lasso", own) for own in (trials, (trials[2], trials[1], trials[0])))
    found = []
    for stack in (one, two):
        stack.train_epoch()
        stack.train_seconds = 3.0
        stack.history[0]["seconds"] = 3.0
        found.append(take(stack)[1].encode())
    assert found[0] == found[1]
    assert LaneState.decode(found[0]).encode() == found[0]


def test_a_lane_takes_its_share_of_the_time_along(training: Any) -> None:
    stack = training.stack("group_lasso", training.trials([{"lambda": 0.02}] * 2))
    stack.train_epoch()
    again = training.stack("group_lasso", stack.trials)
    put(again, take(stack))
    assert again.train_seconds == pytest.approx(stack.train_seconds)
    assert again.history[0]["seconds"] == pytest.approx(stack.history[0]["seconds"])


def test_what_was_taken_out_stays_as_it_was(training: Any) -> None:
    stack = training.stack("npn", training.trials([{"lambda": 1e-4}] * 2))
    stack.train_epoch()
    states = take(stack)
    before = [state.encode() for state in states]
    stack.train_epoch()
    assert [state.encode() for state in states] == before


def test_what_does_not_fit_is_refused(training: Any) -> None:
    trials = training.trials([{"lambda": 0.02}] * 2)
    stack = training.stack("group_lasso", trials)
    early = take(stack)
    stack.train_epoch()
    late = take(stack)
    new = training.stack("group_lasso", trials)
    with pytest.raises(ValueError, match="expected 2 lanes of one epoch, but got 2 of epochs"):
        put(new, [early[0], late[1]])
    with pytest.raises(ValueError, match="t0 has the seeds 100 and 0, but got a lane with 101 and 1"):
        put(new, late[::-1])
    data = bytearray(late[0].encode())
    data[-1] ^= 1
    with pytest.raises(StudyError, match="expected the state of a lane: its checksum is wrong"):
        LaneState.decode(bytes(data))
    with pytest.raises(StudyError, match="expected the state of a lane"):
        LaneState.decode(b"nothing")


@pytest.mark.parametrize(
    "method, settings",
    [("drop_neuron", {"dn": 0.3, "threshold": 0.15}), ("magnitude", {"sparsity": 0.5}), ("random", {"sparsity": 0.5})],
)
def test_what_a_trial_would_end_with_is_what_it_ends_with(method: str, settings: Any, training: Any) -> None:
    """Of methods that show nothing before their last epoch, too."""
    trials = training.trials([settings] * 2)
    ended, standing = (training.stack(method, trials, training.recipe(epochs=e, polish=0)) for e in (2, 4))
    for stack in (ended, standing):
        stack.train_epoch()
        stack.train_epoch()
    found, last = standing.standing(), ended.history[-1]
    assert ended.done and not standing.done
    assert {"val_accuracy", "neurons", "macs"} <= found.keys()
    assert all(torch.equal(value, last[name]) for name, value in found.items())
    assert bool((found["neurons"] < standing.history[-1]["neurons"]).all())


def test_gates_are_judged_once_they_have_begun_to_close(training: Any) -> None:
    stack = training.stack("npn", training.trials([{"lambda": 1e-3, "stage_1": 0.5}, {"lambda": 1e-3, "stage_1": 0.1}]))
    found = [stack.method.judged(stack.knobs, epochs) for epochs in (1, 2, 3)]
    assert [judged.tolist() for judged in found] == [[False, True], [False, True], [True, True]]
