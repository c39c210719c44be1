"""What is special to Neural Plasticity Networks: the estimators through the method, the stages, the expansion rule."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import vmap

from trainables.groups import trace
from trainables.methods import Clock, Knobs, Losses, Params, Setting, State, stack_knobs
from trainables.methods.npn import NPN
from trainables.models.lenet import lenet5_caffe
from trainables.training.optim import rate_factor
from trainables.training.stack import Stack

EPOCHS = 20
STAGES = {"stage_1": 0.25, "stage_2": 0.75}
"""Epochs 5 and 15 of 20."""


def bind(trials: list[dict[str, Any]], *sizes: int) -> tuple[NPN, Knobs, Params, State]:
    """The method on a multilayer perceptron of these sizes, with random weights."""
    network = nn.Sequential(*(nn.Linear(*pair) for pair in itertools.pairwise(sizes)))
    method = NPN(trace(network, torch.zeros(1, sizes[0])), Setting(100, 4, EPOCHS, EPOCHS))
    generator = torch.Generator().manual_seed(0)
    params = {name: torch.randn(len(trials), *p.shape, generator=generator) for name, p in network.named_parameters()}
    knobs, seeds = stack_knobs(NPN.declaration, trials, len(method.layers)), torch.arange(len(trials)) + 7
    params |= method.extra(params, knobs, seeds)
    return method, knobs, params, method.init(params, knobs, seeds)


def clock(epoch: int, val_loss: list[float] | None = None) -> Clock:
    return Clock(epoch, 4 * epoch, torch.tensor(0.1), val_loss=None if val_loss is None else torch.tensor(val_loss))


# -- the estimators ------------------------------------------------------------------------------------------------

GRID = 20
"""Cells of the unit interval; a gate whose probability is a multiple of 1/GRID is constant within a cell."""
ODDS = torch.tensor([3, 9, 14], dtype=torch.float64) / GRID
X, Y = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64), 0.7


def loss(weight: Tensor) -> Tensor:
    """(..., 1, 3) -> (...): not additive in the gates."""
    return (weight.squeeze(-2) @ X - Y).square() + weight.prod(-1).squeeze(-1)


@pytest.mark.parametrize("estimator", ["arm", "ar"])
@pytest.mark.parametrize("gate", ["sigmoid", "hard"])
def test_gradients_are_those_of_the_objective_in_the_mean(gate: str, estimator: str) -> None:
    """Exactly: the mean over u is a sum of midpoints, the estimate being linear in u within a cell of the grid.

    The reference enumerates all gates and takes autograd's word for the data term and the L0 term. The hard gate's
    factor is the published one, k, which scales its data term by 7 pi (1 - pi).
    """
    k, lanes = 3.0, GRID**3
    trial = {"lambda": 2.0, "cost": "per_example", "lambda_1": 1.5, "gate": gate, "estimator": estimator, "k_start": k}
    method, knobs, params, state = bind([trial], 3, 1)
    assert float(state["cost"]) == pytest.approx(2.0 * 1.5 * 1 / 100)
    weight = params["0.weight"].double()
    phi = ODDS.logit() / k if gate == "sigmoid" else 7 * (ODDS - 0.5) / k

    midpoints = (torch.arange(GRID, dtype=torch.float64) + 0.5) / GRID
    u = torch.cartesian_prod(midpoints, midpoints, midpoints)
    many = {name: tensor.expand(lanes, *tensor.shape[1:]) for name, tensor in state.items()}
    stacked = {"0.weight": weight.expand(lanes, 1, 3), "gate.0": phi.expand(lanes, 3)}
    assert knobs.masks is not None
    every = Knobs(knobs.lanes, masks={name: mask.expand(lanes) for name, mask in knobs.masks.items()})
    losses = Losses(lambda p: loss(p["0.weight"]))
    found, _ = method.gradients(losses, stacked, many, every, {"0": u}, clock(0))

    phi, weight = phi.requires_grad_(), weight.requires_grad_()
    pi = torch.sigmoid(k * phi) if gate == "sigmoid" else (k * phi / 7 + 0.5).clamp(0, 1)
    z = torch.tensor(list(itertools.product([0.0, 1.0], repeat=3)), dtype=torch.float64)
    data = (loss(weight * z.unsqueeze(1)) * torch.where(z > 0, pi, 1 - pi).prod(1)).sum()
    by_phi, by_weight = torch.autograd.grad(data, [phi, weight], retain_graph=True)
    (penalty,) = torch.autograd.grad(state["cost"].double().sum() * pi.sum(), phi)
    if gate == "hard":
        by_phi = by_phi * 7 * ODDS * (1 - ODDS)
    torch.testing.assert_close(found["gate.0"].mean(0), by_phi + penalty, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(found["0.weight"].mean(0), by_weight[0], rtol=1e-9, atol=1e-12)


def test_the_l0_term_counts_the_weights_of_a_gate() -> None:
    """lambda * lambda_l * c_l / N as published: c_l the outputs of a linear layer, inputs * kernel of a convolution."""
    network = nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU(), nn.Flatten(), nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, 2))
    method = NPN(trace(network, torch.zeros(1, 3, 6, 6)), Setting(1000, 4, EPOCHS, EPOCHS))
    knobs = stack_knobs(
        NPN.declaration,
        [
            trial | {"cost": "per_example", "k_start": 7.0}
            for trial in ({"lambda": 1.0}, {"lambda": 10.0, "lambda_1": 2.0, "lambda_3": -1.0})
        ],
        3,
    )
    state = method.init({}, knobs, torch.arange(2))
    expected = torch.tensor([[75.0, 6.0, 2.0], [2 * 750.0, 60.0, -20.0]]) / 1000
    torch.testing.assert_close(state["cost"], expected)
    phi = torch.randn(2, 16, dtype=torch.float64, requires_grad=True)
    pi = torch.sigmoid(7 * phi)
    (gradient,) = torch.autograd.grad((state["cost"][:, 1:2].double() * pi).sum(), phi)
    weights = {name: torch.zeros(2, *p.shape, dtype=torch.float64) for name, p in network.named_parameters()}
    logits = {"gate.0": torch.zeros(2, 4), "gate.3": phi.detach(), "gate.5": torch.zeros(2, 6)}
    noise = {name.removeprefix("gate."): torch.rand_like(tensor) for name, tensor in logits.items()}
    losses = Losses(lambda p: 0 * p["0.weight"].flatten(1).sum(1) + 5)
    constant = method.gradients(losses, weights | logits, state, knobs, noise, clock(0))
    torch.testing.assert_close(constant[0]["gate.3"], gradient)


def cost_of(trial: dict[str, Any], *sizes: int) -> list[float]:
    _, _, _, state = bind([trial], *sizes)
    return state["cost"][0].tolist()


def test_all_gates_cost_the_same_unless_a_study_says_otherwise() -> None:
    """Under the formula with c_l one lambda charges a gate by its fan-out."""
    assert cost_of({"lambda": 0.02}, 3, 8, 2) == pytest.approx([0.02, 0.02])
    assert cost_of({"lambda": 0.02, "lambda_2": 0.5}, 3, 8, 2) == pytest.approx([0.02, 0.01])
    assert cost_of({"lambda": 2.0, "cost": "per_example"}, 3, 8, 2) == pytest.approx([2 * 8 / 100, 2 * 2 / 100])
    assert cost_of({"lambda": 1e-3, "cost": "undivided"}, 3, 8, 2) == pytest.approx([8e-3, 2e-3])
    assert cost_of({"lambda": 0.02, "input_gates": "free"}, 3, 8, 2) == pytest.approx([0.0, 0.02])


@pytest.mark.parametrize(
    ("lambdas", "counts", "costs"),
    [((0.35, 14), (80, 2), (28, 28)), ((10, 0.5, 0.1, 10), (25, 500, 500, 10), (250, 250, 50, 100))],
)
def test_the_published_lambdas_are_reached_by_the_published_formula(
    lambdas: tuple[float, ...], counts: tuple[int, ...], costs: tuple[float, ...]
) -> None:
    """moons 100-80-2 and LeNet 20-50-800-500: the authors' lambda_l all but make up for c_l."""
    sizes = (100, 80, 2) if len(lambdas) == 2 else ()
    layers = {f"lambda_{i}": value for i, value in enumerate(lambdas, 1)}
    if sizes:
        found = [100 * cost for cost in cost_of({"lambda": 1.0, "cost": "per_example"} | layers, *sizes)]
    else:
        graph = trace(lenet5_caffe((1, 28, 28), 10).eval(), torch.zeros(1, 1, 28, 28))
        knobs = stack_knobs(NPN.declaration, [{"lambda": 1.0, "cost": "per_example"} | layers], 4)
        method = NPN(graph, Setting(60000, 469, 500, 500))
        found = (60000 * method.init({}, knobs, torch.arange(1))["cost"][0]).tolist()
    assert found == pytest.approx(costs, rel=1e-5)
    assert [c * value for c, value in zip(counts, lambdas, strict=True)] == pytest.approx(costs)


def test_lambda_grows_in_stages_within_the_second_stage() -> None:
    grown = {**STAGES, "lambda": 1.0, "lambda_stages": 3, "lambda_growth": 10.0}
    method, knobs, _, _ = bind([grown, STAGES], 3, 2)
    found = torch.stack([method._continued(knobs, clock(epoch)) for epoch in (0, 5, 8, 9, 11, 12, 15, 19)], 1)
    torch.testing.assert_close(found[0], torch.tensor([0.01, 0.01, 0.01, 0.1, 0.1, 1.0, 1.0, 1.0]))
    assert found[1].tolist() == [1.0] * 8


def test_gates_decay_later_than_weights_where_asked() -> None:
    """The paper's ResNet: weights x.1 at 60, 120 and 180, gates at 120 and 180 only, of 220 epochs."""
    schedule = {"name": "step", "milestones": [60, 120, 180], "gamma": 0.1, "every": None, "warmup": 0}
    factor = partial(rate_factor, schedule, epochs=220)
    graph = trace(nn.Linear(3, 2), torch.zeros(1, 3))
    method = NPN(graph, Setting(100, 4, 220, 220, factor))
    stages = {"gate_lr": 1e-3, "stage_1": 0.0, "stage_2": 1.0}
    knobs = stack_knobs(NPN.declaration, [stages | {"gate_decay": 0.5}, stages], 1)
    rates = [
        method.extra_lr(knobs, Clock(epoch, 0, torch.tensor([0.1, 0.1]), factor(epoch))).tolist()
        for epoch in (0, 59, 60, 119, 120, 180)
    ]
    own, shared = zip(*rates, strict=True)
    assert own == pytest.approx([1e-3, 1e-3, 1e-3, 1e-3, 1e-4, 1e-5], rel=1e-5)
    assert shared == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-6], rel=1e-5)


# -- the limits of k -----------------------------------------------------------------------------------------------


def test_without_sharpness_gates_are_dropout() -> None:
    """k -> 0: every gate is a fair coin whatever its logit, the deployed network halves what it gates."""
    method, knobs, params, state = bind([{"k_start": 1e-9, "lambda": 1.0}], 6, 5, 2)
    params["gate.0"].copy_(torch.linspace(-5, 5, 6))
    method.start_epoch(params, state, knobs, clock(0))
    x, y = torch.randn(8, 6), torch.randint(2, (8,))

    def losses(effective: Params) -> Tensor:
        hidden = torch.einsum("phi,bi->pbh", effective["0.weight"], x) + effective["0.bias"].unsqueeze(1)
        out = torch.einsum("poh,pbh->pbo", effective["1.weight"], hidden) + effective["1.bias"].unsqueeze(1)
        return vmap(lambda o: nn.functional.cross_entropy(o, y))(out)

    draws = [method.noise(state, state["seeds"], clock(epoch)) for epoch in range(500)]
    coins = torch.cat([draw["0"] for draw in draws]) < 0.5
    assert (coins.float().mean(0) - 0.5).abs().max() < 0.1
    found, _ = method.gradients(Losses(losses), params, state, knobs, draws[0], clock(0))
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in params.items() if "gate" not in name}
    mask, inner = (draws[0][name] < 0.5 for name in ("0", "1"))
    dropped = torch.einsum("phi,bi->pbh", leaves["0.weight"], x * mask) + leaves["0.bias"].unsqueeze(1)
    out = torch.einsum("poh,pbh->pbo", leaves["1.weight"], dropped * inner) + leaves["1.bias"].unsqueeze(1)
    expected = torch.autograd.grad(nn.functional.cross_entropy(out[0], y), list(leaves.values()))
    for name, gradient in zip(leaves, expected, strict=True):
        torch.testing.assert_close(found[name], gradient, rtol=1e-5, atol=1e-6)
    assert found["gate.0"].abs().max() < 1e-7
    deployed = method.deployed(params, state, knobs)
    assert torch.equal(deployed["0.weight"], params["0.weight"] / 2)
    assert torch.equal(deployed["0.bias"], params["0.bias"])


def test_with_endless_sharpness_it_is_dense_training(training: Any) -> None:
    """k -> infinity: gates that are open stay so and change nothing, from the first weight to the last."""
    sharp = {"k_start": 5000.0, "k": 5000.0, "lambda": 1.0, "gate_lr": 0.03}
    recipe = training.recipe(optimizer={"name": "adam"}, lr=0.01)
    npn = training.trained(training.stack("npn", training.trials([sharp] * 2), recipe))
    dense = training.trained(training.stack("dense", training.trials([{}] * 2), recipe))
    assert npn.params.keys() == dense.params.keys()
    for name, tensor in dense.params.items():
        torch.testing.assert_close(npn.params[name], tensor, rtol=1e-5, atol=1e-6)


# -- the stages ----------------------------------------------------------------------------------------------------


def test_each_stage_has_its_k() -> None:
    trials: list[dict[str, Any]] = [
        {**STAGES, "k_start": 9.0, "k": 4.0, "k_expand": 2.0},
        {**STAGES, "k_start": 9.0, "k": 4.0, "k_expand": 2.0, "mode": "expand"},
        {"stage_1": 0.0, "stage_2": 1.0},
        {"stage_1": 0.0, "stage_2": 0.0},
    ]
    method, knobs, params, state = bind(trials, 3, 2)
    seen = []
    for epoch in range(EPOCHS):
        method.start_epoch(params, state, knobs, clock(epoch))
        seen.append(state["k"].tolist())
    first, second, third, fourth = zip(*seen, strict=True)
    assert first == (9.0,) * 5 + (4.0,) * 10 + (5000.0,) * 5
    assert second == (9.0,) * 5 + (2.0,) * 10 + (5000.0,) * 5
    assert third == (7.0,) * EPOCHS, "the second stage's"
    assert fourth == (5000.0,) * EPOCHS


def gate_trajectory(stack: Stack) -> list[dict[str, Tensor]]:
    seen = []
    while not stack.done:
        stack.train_epoch()
        seen.append({name: tensor.clone() for name, tensor in stack.params.items() if name.startswith("gate.")})
    return seen


def test_gates_are_frozen_in_the_third_stage(training: Any) -> None:
    """Exactly, though Adam's momentum would carry them on and a lane beside it is still learning."""
    settings = [
        {**STAGES, "lambda": 0.3, "gate_lr": 0.03},
        {"stage_1": 0.0, "stage_2": 1.0, "lambda": 0.3, "gate_lr": 0.03},
    ]
    recipe = training.recipe(epochs=8, polish=0)
    stack = training.stack("npn", training.trials(settings), recipe)
    *seen, _ = gate_trajectory(stack)  # the last epoch hands over
    for name, frozen in seen[5].items():
        assert not torch.equal(seen[4][name][0], frozen[0]), "the second stage moves them"
        assert torch.equal(seen[6][name][0], frozen[0])
        assert not torch.equal(seen[6][name][1], frozen[1])


def test_momentum_alone_would_move_them(training: Any) -> None:
    """That freezing is needed at all: Adam's first moment is not zero when the third stage begins."""
    trial = training.trials([{**STAGES, "lambda": 0.3, "gate_lr": 0.03}])
    stack = training.stack("npn", trial, training.recipe(epochs=8, polish=0))
    for _ in range(6):
        stack.train_epoch()
    moments = [s["exp_avg"] for s in stack.extra_optimizer.state_dict()["state"].values()]
    assert any(bool(moment.any()) for moment in moments)


# -- sparsify and expand -------------------------------------------------------------------------------------------


def on_counts(state: State) -> list[list[int]]:
    """Gates switched on so far, by lane and layer."""
    return torch.stack([tensor.sum(1) for name, tensor in state.items() if name.startswith("on.")], 1).tolist()


EXPAND: dict[str, Any] = {**STAGES, "mode": "expand", "active": 0.5, "fill": 0.2, "k_expand": 2.0}


def test_first_gates() -> None:
    """All in mode sparsify; the share that is asked for in mode expand, at least one."""
    trials: list[dict[str, Any]] = [{}, {"active": 0.5}, EXPAND, EXPAND | {"active_1": 0.0, "active_2": 1.0}]
    _, _, params, state = bind(trials, 6, 4, 2)
    assert on_counts(state) == [[6, 4], [6, 4], [3, 2], [1, 4]]
    on = state["on.0"][2]
    assert torch.allclose(params["gate.0"][2][on], torch.tensor(3 / 7), atol=0.05)
    assert torch.allclose(params["gate.0"][2][~on], torch.tensor(-40 / 7), atol=0.05)
    paper = bind([EXPAND | {"start": "paper"}], 6, 4, 2)
    assert set(paper[2]["gate.0"].abs().flatten().tolist()) == {1.5}


@pytest.mark.parametrize(
    ("epoch", "losses", "counts"),
    [
        pytest.param(4, [1.0], [[3, 2]], id="not in the first stage"),
        pytest.param(5, [1.0], [[3, 2]], id="not on a loss of the first stage"),
        pytest.param(6, [1.0], [[4, 3]], id="from the second stage's first loss on"),
        pytest.param(6, [1.0, 0.9], [[5, 4]], id="again when it falls"),
        pytest.param(6, [1.0, 1.0], [[4, 3]], id="not when it stays"),
        pytest.param(6, [1.0, 1.2, 1.1], [[4, 3]], id="not below the last but above the one recorded"),
        pytest.param(6, [1.0, 0.9, 0.8, 0.7], [[6, 4]], id="never beyond the layer"),
        pytest.param(15, [1.0], [[3, 2]], id="not in the third stage"),
    ],
)
def test_a_falling_validation_loss_switches_gates_on(epoch: int, losses: list[float], counts: list[list[int]]) -> None:
    method, knobs, params, state = bind([EXPAND], 6, 4, 2)
    for step, loss_then in enumerate(losses):
        method.start_epoch(params, state, knobs, clock(epoch + step))
        before = {name: tensor.clone() for name, tensor in (params | state).items()}
        method.start_epoch(params, state, knobs, clock(epoch + step, [loss_then]))
        for name in ("0", "1"):
            new = state[f"on.{name}"] & ~before[f"on.{name}"]
            assert torch.equal(state[f"on.{name}"], before[f"on.{name}"] | new), "none is taken away"
            assert new.sum() <= 1
            assert torch.equal(params[f"gate.{name}"][~new], before[f"gate.{name}"][~new])
            assert torch.allclose(params[f"gate.{name}"][new], torch.tensor(0.2 / 2.0), atol=0.05)
    assert on_counts(state) == counts


def test_only_layers_that_use_all_they_have_grow() -> None:
    """And a fall that added nothing anywhere is not recorded."""
    method, knobs, params, state = bind([EXPAND], 6, 4, 2)
    first_on = int(state["on.0"][0].int().argmax())
    params["gate.0"][0, first_on] = -1.0
    method.start_epoch(params, state, knobs, clock(6, [1.0]))
    assert on_counts(state) == [[3, 3]]
    assert float(state["recorded"]) == 1.0
    params["gate.1"].fill_(-1.0)
    method.start_epoch(params, state, knobs, clock(7, [0.5]))
    assert on_counts(state) == [[3, 3]]
    assert float(state["recorded"]) == 1.0
    params["gate.0"][0, first_on] = 1.0
    method.start_epoch(params, state, knobs, clock(8, [0.9]))
    assert on_counts(state) == [[4, 3]]


def test_epochs_without_a_validation_change_nothing() -> None:
    method, knobs, params, state = bind([EXPAND], 6, 4, 2)
    method.start_epoch(params, state, knobs, clock(7))
    assert on_counts(state) == [[3, 2]]


def test_sparsifying_lanes_do_not_grow_beside_expanding_ones() -> None:
    method, knobs, params, state = bind([{**STAGES, "k": 2.0}, EXPAND, EXPAND], 6, 4, 2)
    before = {name: tensor.clone() for name, tensor in params.items()}
    state["recorded"][2] = 0.5
    method.start_epoch(params, state, knobs, clock(6, [0.1, 0.9, 0.9]))
    assert on_counts(state) == [[6, 4], [4, 3], [3, 2]]
    for name in ("gate.0", "gate.1"):
        assert torch.equal(params[name][[0, 2]], before[name][[0, 2]])
        assert not torch.equal(params[name][1], before[name][1])
    assert state["recorded"].tolist() == [torch.inf, pytest.approx(0.9), 0.5]


def test_training_expands_and_sparsifies(training: Any) -> None:
    """Through the stack: live inputs rise in one lane by what is switched on, and fall in the other."""
    settings = [
        {"mode": "expand", "active": 0.3, "stage_1": 0.1, "stage_2": 1.0, "k_expand": 3.0, "lambda": 0.0, "fill": 2.0},
        {"stage_1": 0.1, "stage_2": 1.0, "lambda": 1.0, "gate_lr": 0.03},
    ]
    recipe = training.recipe(epochs=10, polish=0, optimizer={"name": "adam"}, lr=0.01)
    stack = training.stack("npn", training.trials(settings), recipe)
    switched = []
    while stack.epoch < recipe.epochs - 1:
        stack.train_epoch()
        switched.append(on_counts(stack.state))
    expanding, sparsifying = (list(lane) for lane in zip(*switched, strict=True))
    assert all(a <= b for one, two in itertools.pairwise(expanding) for a, b in zip(one, two, strict=True))
    assert all(a < b for a, b in zip(expanding[0], expanding[-1], strict=True))
    assert sparsifying == [[64, 12, 8]] * len(switched)
    assert stack.history[-1]["inputs"][1] < 60


# -- lanes ---------------------------------------------------------------------------------------------------------

MIX: list[dict[str, Any]] = [
    {"lambda": 0.3, "k_start": 7.0, "gate_decay": 0.5},
    {"lambda": 0.3, "estimator": "ar", "cost": "per_example", "k_start": 7.0},
    {"lambda": 0.3, "gate": "hard", "k_start": 7.0, "lambda_stages": 3, "lambda_growth": 4.0},
    {"lambda": 0.1, "mode": "expand", "active": 0.4, "lambda_rest": 3.0},
    {"lambda": 0.1, "mode": "expand", "gate": "hard", "estimator": "ar", "start": "paper", "k_expand": 2.0},
    {"lambda": 0.3, "k_start": 5000.0, "k": 3.0, "stage_2": 0.4},
]


@pytest.mark.parametrize("batch_norm", [False, True])
def test_lanes_of_every_kind_equal_lone_trials(batch_norm: bool, training: Any) -> None:
    """A second pass that only a neighbour needs moves no statistics of batch norms."""
    trials = training.trials([trial | {"gate_lr": 0.03} for trial in MIX])
    recipe, where = training.recipe(epochs=8, polish=0), training.problem(batch_norm=batch_norm)
    pack = training.trained(training.stack("npn", trials, recipe, where))
    for lane, trial in enumerate(trials):
        alone = training.trained(training.stack("npn", [trial], recipe, where))
        for name, tensor in (alone.params | alone.buffers).items():
            held = (pack.params | pack.buffers)[name][lane]
            torch.testing.assert_close(held, tensor[0], rtol=1e-3, atol=1e-5)
        for one, two in zip(pack.history, alone.history, strict=True):
            assert torch.equal(one["widths"][lane], two["widths"][0])


def test_gates_are_those_of_all_layers_at_the_sharpness_of_the_stage() -> None:
    method, knobs, params, state = bind([{"k_start": 2.0}, {"k_start": 9.0}], 3, 4, 2)
    found = method.gates(params, state, knobs)
    assert found is not None and found.shape == (2, 3 + 4)
    phi = torch.cat([params["gate.0"], params["gate.1"]], dim=1)
    torch.testing.assert_close(found, torch.sigmoid(torch.tensor([[2.0], [9.0]]) * phi))
