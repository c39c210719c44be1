"""The stack's contract over all methods: lanes are strangers, restarts leave no trace, the same seed gives the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from trainables import own_code
from trainables.training.stack import Stack, Trial

CPU = torch.device("cpu")


def assert_lane(stack: Stack, lane: int, other: Stack, other_lane: int, **tolerance: float) -> None:
    """Both lanes have the same parameters, buffers, zeros and history."""
    for kind in ("params", "buffers"):
        one, two = getattr(stack, kind), getattr(other, kind)
        assert one.keys() == two.keys()
        for name in one:
            a, b = one[name][lane], two[name][other_lane]
            torch.testing.assert_close(a, b, **(tolerance or {"rtol": 1e-4, "atol": 1e-5}), msg=lambda m, n=name: n + m)
            assert torch.equal(a == 0, b == 0), f"{name}: zeros differ"
    for entry, counterpart in zip(stack.history, other.history, strict=True):
        for name in ("neurons", "parameters", "widths"):
            assert torch.equal(entry[name][lane], counterpart[name][other_lane]), name


def outputs(stack: Stack, lane: int) -> torch.Tensor:
    """Of a lane's network on the first validation examples."""
    x, _ = stack.feed.batch("validation", 0, 50)
    tensors = {name: tensor[lane] for name, tensor in (stack.params | stack.buffers).items()}
    x = x if stack.feed.shared else x[lane]
    return torch.func.functional_call(stack.whole.skeleton.eval(), tensors, (x,))


def test_a_lane_is_the_same_alone_and_in_any_pack(row: Any, training: Any) -> None:
    """To the last weight where polishing begins; after it in all that has an effect."""
    trials = training.trials(row.settings * 2)
    others = tuple(replace(t, trial=f"n{i}", seed=7 + i, parameters={"lr": 0.2}) for i, t in enumerate(trials[:1] * 3))
    packs = [trials, (*others, *reversed(trials)), *([trial] for trial in trials[: len(row.settings)])]
    first, *elsewhere = (training.stack(row.method, pack) for pack in packs)
    for polished in (False, True):
        for stack in (first, *elsewhere):
            while not (stack.done if polished else stack.settled):
                stack.train_epoch()
        for stack in elsewhere:
            for other_lane, trial in enumerate(stack.trials):
                if trial in trials and not polished:
                    assert_lane(first, trials.index(trial), stack, other_lane)
                elif trial in trials:
                    ours, theirs = outputs(first, trials.index(trial)), outputs(stack, other_lane)
                    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_restored_at_any_epoch_equals_uninterrupted(row: Any, training: Any) -> None:
    """Bit for bit, before, at and after the boundary of polishing; the state is plain tensors and values."""
    trials = training.trials(row.settings)
    recipe = training.recipe(epochs=4, polish=2, optimizer={"name": "adam"}, lr=0.01)
    whole = training.stack(row.method, trials, recipe)
    states = [training.through_file(whole.state_dict())]
    while not whole.done:
        whole.train_epoch()
        states.append(training.through_file(whole.state_dict()))
    for epoch, state in enumerate(states):
        restored = training.stack(row.method, trials, recipe)
        restored.load_state_dict(state)
        assert restored.epoch == epoch
        training.trained(restored)
        for lane in range(len(trials)):
            assert_lane(restored, lane, whole, lane, rtol=0, atol=0)
        again, first = training.through_file(restored.state_dict()), states[-1]
        assert plain(again["optimizer"]) == plain(first["optimizer"])
        assert plain(strip(again["history"])) == plain(strip(first["history"]))


def strip(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in entry.items() if name != "seconds"} for entry in history]


def plain(value: Any) -> Any:
    """Tensors as nested lists, to be compared with ==."""
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def test_same_seed_same_weights_and_other_seed_others(row: Any, training: Any) -> None:
    one = Trial("a", 1, 0, dict(row.settings[0]))
    twin, other, order = replace(one, trial="b"), replace(one, seed=2), replace(one, data_seed=1)
    stack = training.trained(training.stack(row.method, [one, twin, other, order]))
    for name, tensor in stack.params.items():
        assert torch.equal(tensor[0], tensor[1]), name
    weight = stack.params["hidden1.weight"]
    assert not torch.equal(weight[0], weight[2])
    assert not torch.equal(weight[0], weight[3])
    again = training.trained(training.stack(row.method, [one, twin, other, order]))
    assert all(torch.equal(again.params[name], tensor) for name, tensor in stack.params.items())


def test_polish_keeps_the_zeros_and_makes_none(row: Any, training: Any) -> None:
    stack = training.stack(row.method, training.trials(row.settings), training.recipe(epochs=4, polish=2))
    while not stack.settled:
        stack.train_epoch()
    before = {name: tensor.clone() for name, tensor in stack.params.items()}
    assert {name.partition(".")[0] for name in before} <= {"hidden1", "hidden2", "output"}
    neurons = stack.history[-1]["neurons"]
    training.trained(stack)
    for name, tensor in stack.params.items():
        assert torch.equal(tensor == 0, before[name] == 0), name
        moved = tensor != before[name]
        assert bool(moved.flatten(1).any(1).all()) or bool((tensor == 0).flatten(1).all(1).any()), f"{name} stood still"
    assert torch.equal(stack.history[-1]["neurons"], neurons)


def test_polish_has_no_penalty(training: Any) -> None:
    """From the boundary on, the trained weights are those of plain SGD on the frozen pattern."""
    recipe = training.recipe(
        epochs=2, polish=1, optimizer={"name": "sgd", "momentum": 0.0}, shuffle=False, batch_size=1000
    )
    stack = training.stack("group_lasso", training.trials([{"lambda": 0.05, "weighting": "none"}] * 2), recipe)
    stack.train_epoch()
    start = {name: tensor.clone() for name, tensor in stack.params.items()}
    stack.train_epoch()
    x, y = (tensor for tensor in stack.feed.batch("train", 0, 180))
    for lane in range(2):
        leaves = {name: tensor[lane].requires_grad_() for name, tensor in start.items()}
        output = torch.func.functional_call(stack.whole.skeleton, leaves, (x[lane],))
        nn.functional.cross_entropy(output, y[lane]).backward()
        for name, leaf in leaves.items():
            expected = torch.where(leaf == 0, leaf, leaf - 0.05 * leaf.grad)
            if leaf.dim() > 1:  # biases of dead units alone stay at zero
                torch.testing.assert_close(stack.params[name][lane], expected, rtol=1e-5, atol=1e-6)


def test_polish_revives_no_unit_behind_a_batch_norm(row: Any, training: Any) -> None:
    """Gates and pruning zero the scale of the norm: it has to stay zero, or dead channels come back."""
    where = image_problem(training, name="convnet", channels=[8, 6], batch_norm=True)
    stack = training.stack(row.method, training.trials(row.settings[:2]), training.recipe(epochs=4, polish=2), where)
    while not stack.settled:
        stack.train_epoch()
    zeros = {name: tensor == 0 for name, tensor in stack.params.items()}
    neurons = stack.history[-1]["neurons"]
    training.trained(stack)
    assert torch.equal(stack.history[-1]["neurons"], neurons)
    assert all(torch.equal(tensor == 0, zeros[name]) for name, tensor in stack.params.items())


def test_lanes_of_one_data_seed_share_their_batches(training: Any) -> None:
    trials = training.trials([{}] * 4)
    stack = training.stack("dense", trials)
    x, y = stack.feed.training_batch(stack.feed.order(0, shuffle=True)[:, :32], step=0)
    assert x.shape[:2] == (4, 32)
    assert torch.equal(x[0], x[2]) and torch.equal(y[1], y[3])
    assert not torch.equal(y[0], y[1])
    alike = training.stack("dense", [replace(t, data_seed=5) for t in trials])
    x, y = alike.feed.training_batch(alike.feed.order(0, shuffle=True)[:, :32], step=0)
    assert (x.shape, y.shape) == ((32, 64), (32,)), "one copy for all lanes"


def test_each_epoch_has_every_example_once_in_another_order(training: Any) -> None:
    feed = training.stack("dense", training.trials([{}] * 2)).feed
    first, second = feed.order(0, shuffle=True), feed.order(1, shuffle=True)
    assert all(sorted(row) == list(range(180)) for row in first.tolist())
    assert not torch.equal(first, second)
    assert feed.order(3, shuffle=False).tolist() == [list(range(180))] * 2


@pytest.mark.parametrize("batch_size, steps", [(32, 6), (180, 1), (1000, 1), (179, 1), (90, 2), (1, 180)])
def test_a_last_batch_of_one_example_is_left_out(batch_size: int, steps: int, training: Any) -> None:
    stack = training.stack("dense", training.trials([{}]), training.recipe(batch_size=batch_size))
    assert len(stack.batches) == steps


def test_a_diverging_lane_fails_with_a_reason_and_leaves_its_neighbours_alone(row: Any, training: Any) -> None:
    healthy = training.trials([row.settings[0]])[0]
    wild = Trial("wild", 3, 0, {**row.settings[0], "lr": 1e6})
    recipe = training.recipe(polish=0)
    stack = training.trained(training.stack(row.method, [wild, healthy, wild], recipe))
    assert stack.failures[1] is None
    assert stack.failures[0] == stack.failures[2]
    assert str(stack.failures[0]).startswith("diverged: ")
    assert_lane(stack, 1, training.trained(training.stack(row.method, [healthy], recipe)), 0)


def test_a_stack_whose_lanes_all_diverge_ends_early(training: Any) -> None:
    stack = training.trained(training.stack("dense", training.trials([{}] * 2, lr=1e9), training.recipe(epochs=50)))
    assert all(stack.failures)
    assert stack.epoch < 10


def test_scores_are_taken_at_the_boundary_and_the_end_whatever_the_interval(training: Any) -> None:
    recipe = training.recipe(epochs=7, polish=3, evaluate_every=3)
    stack = training.trained(training.stack("group_lasso", training.trials([{"lambda": 0.01}] * 2), recipe))
    assert [entry["epoch"] for entry in stack.history if "val_accuracy" in entry] == [3, 4, 6, 7]


class Net(nn.Module):
    """A user's own: batch norm, dropout used twice, a frozen layer, keyword arguments."""

    def __init__(self, *, channels: int = 4, dropout: float = 0.2) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(channels * 16, 12)
        self.frozen = nn.Linear(12, 12)
        self.frozen.requires_grad_(False)
        self.output = nn.Linear(12, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.max_pool2d(torch.relu(self.norm(self.conv(x))), 2).flatten(1)
        x = torch.relu(self.hidden(self.dropout(x)))
        return self.output(self.dropout(torch.relu(self.frozen(x))))


class Noisy(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(nn.functional.dropout(x, 0.5, self.training))


@pytest.fixture
def own_model(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name under which a study would give `Net`."""
    import sys
    import types

    module = types.ModuleType("users_networks")
    module.Net, module.Noisy = Net, Noisy  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "users_networks", module)
    own_code.trust("users_networks")
    return "users_networks:Net"


def image_problem(training: Any, **model: Any) -> Any:
    from trainables.problem import problem

    return problem({"name": "digits", "image": True, "limit": 180}, model, seed=0)


def test_a_users_own_module_is_taken_as_it_is(own_model: str, training: Any) -> None:
    where = image_problem(training, name=own_model, channels=5)
    settings = [{"lambda": 0.003}, {"lambda": 0.01, "lr": 0.02}, {"lambda": 0.0}]
    trials = training.trials(settings)
    stack = training.trained(training.stack("group_lasso", trials, where=where))
    assert stack.params["conv.weight"].shape == (3, 5, 1, 3, 3)
    for lane in (0, 1):
        alone = training.trained(training.stack("group_lasso", trials[lane : lane + 1], where=where))
        assert_lane(stack, lane, alone, 0)
    fresh = where.module(trials[0].seed)
    assert isinstance(fresh, Net)
    assert torch.equal(stack.params["frozen.weight"][0], fresh.frozen.weight), "frozen parameters stay"
    assert int(stack.buffers["norm.num_batches_tracked"][0]) == 18


def test_restore_covers_batch_norm_and_dropout(own_model: str, training: Any) -> None:
    where = image_problem(training, name=own_model)
    trials = training.trials([{"lambda": 0.003}, {"lambda": 0.01}])
    whole = training.trained(training.stack("group_lasso", trials, where=where))
    half = training.stack("group_lasso", trials, where=where)
    half.train_epoch()
    restored = training.stack("group_lasso", trials, where=where)
    restored.load_state_dict(training.through_file(half.state_dict()))
    training.trained(restored)
    for lane in range(2):
        assert_lane(restored, lane, whole, lane, rtol=0, atol=0)


def test_convolutions_with_batch_norm_are_invariant_too(row: Any, training: Any) -> None:
    where = image_problem(training, name="convnet", channels=[4, 6], batch_norm=True)
    trials = training.trials(row.settings[:1] * 2, lr=0.02)
    recipe = training.recipe(epochs=2, polish=0)
    stack = training.trained(training.stack(row.method, trials, recipe, where))
    assert_lane(stack, 1, training.trained(training.stack(row.method, trials[1:], recipe, where)), 0)


def test_a_network_with_random_numbers_of_its_own_is_refused(own_model: str, training: Any) -> None:
    where = image_problem(training, name="users_networks:Noisy")
    with pytest.raises(ValueError, match="draws random numbers in its forward pass"):
        training.stack("dense", training.trials([{}]), where=where)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"epochs": 0}, "epochs: expected a whole number of at least 1, but got 0"),
        ({"polish": 3}, "polish: expected fewer than epochs \\(3\\), but got 3"),
        ({"batch_size": 1.5}, "batch_size: expected a whole number of at least 1, but got 1.5"),
        (
            {"optimizer": {"name": "adm"}},
            "optimizer.name: expected one of adam, adamw, sgd, but got 'adm'; did you mean 'adam'",
        ),
        (
            {"optimizer": {"name": "adam", "momentum": 0.9}},
            "optimizer.momentum: expected an option of adam .betas, .* got 'momentum'",
        ),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(changes: dict[str, Any], message: str, training: Any) -> None:
    with pytest.raises(ValueError, match=message):
        training.recipe(**changes)


def test_an_unknown_method_is_refused(training: Any) -> None:
    with pytest.raises(ValueError, match="did you mean 'group_lasso'"):
        training.stack("grouplasso", training.trials([{}]))
