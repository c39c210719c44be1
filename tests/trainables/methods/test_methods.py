"""What the methods do to the weights: contract over all of them, then each method's own mathematics in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from trainables.declarations import declared
from trainables.groups import trace
from trainables.methods import Clock, Method, Setting, method_class, stack_knobs, stack_lr
from trainables.methods.exclusive_group import ExclusiveGroup
from trainables.methods.group_lasso import GroupLasso
from trainables.problem import problem
from trainables.training.stack import Trial

Array = NDArray[np.float64]
SETTING = Setting(examples=180, steps_per_epoch=6, epochs=2, total_epochs=3)
LAYERS = ("hidden1", "hidden2", "output")
SEEDS = torch.tensor([11, 12])
GROUP_LASSO = declared("group_lasso")


def bind(method: type[Method], trials: list[dict[str, Any]], training: Any, **model: Any) -> Any:
    """The method on a small mlp: itself, its knobs and a maker of float64 parameters."""
    graph = training.problem(**model).graph
    bound = method(graph, SETTING)
    knobs = stack_knobs(method.declaration, trials, len(bound.layers))
    generator = torch.Generator().manual_seed(3)
    shapes = {name: parameter.shape for name, parameter in graph.skeleton.named_parameters()}
    params = {
        name: torch.randn(len(trials), *shape, generator=generator, dtype=torch.float64) / 4
        for name, shape in shapes.items()
    }
    seeds = torch.arange(len(trials)) + 11
    params |= {name: value.double() for name, value in bound.extra(params, knobs, seeds).items()}
    return bound, knobs, params, bound.init(params, knobs, seeds)


def clock(lr: list[float]) -> Clock:
    return Clock(epoch=0, step=0, lr=torch.tensor(lr))


# -- contract over all methods ---------------------------------------------------------------------------------


def test_a_method_says_what_it_is(row: Any) -> None:
    declaration = row.declaration
    assert method_class(row.method).declaration is declaration
    assert declaration.title and declaration.reference
    for knob in declaration.knobs:
        assert knob.doc, knob.name


def test_at_strength_zero_it_is_dense_training_bit_for_bit(row_with_off: Any, training: Any) -> None:
    """Through the polish too: nothing is added, moved or removed."""
    recipe = training.recipe(optimizer={"name": "adam"}, lr=0.01)
    off = training.trained(training.stack(row_with_off.method, training.trials([row_with_off.off] * 2), recipe))
    dense = training.trained(training.stack("dense", training.trials([{}] * 2), recipe))
    assert off.params.keys() == dense.params.keys()
    for name, tensor in dense.params.items():
        assert torch.equal(off.params[name], tensor), name


def test_at_no_strength_by_default(row: Any) -> None:
    """The defaults of the strengths do nothing, so that a forgotten parameter shows."""
    for knob in row.declaration.knobs:
        assert knob.name not in ("lambda", "dn", "l1", "l2", "sparsity") or knob.default == 0.0


def test_each_setting_does_something(sparse_row: Any, training: Any) -> None:
    """The rows of the table are worth testing with: no setting trains what dense trains."""
    settings = sparse_row.settings
    stack = training.trained(training.stack(sparse_row.method, training.trials(settings)))
    dense = training.trained(training.stack("dense", training.trials([{}] * len(settings))))
    for lane in range(len(settings)):
        assert not torch.equal(stack.params["hidden1.weight"][lane], dense.params["hidden1.weight"][lane])


def test_penalties_have_the_gradient_that_autograd_gives(row: Any, training: Any) -> None:
    """In float64, away from the kinks at zero; for most methods the penalty is a prox and there is nothing to check."""
    bound, knobs, params, state = bind(method_class(row.method), list(row.settings), training, widths=[3, 2])
    state = {n: t.double() if t.is_floating_point() else t for n, t in state.items()}
    if bound.penalty(params, state, knobs) is None:
        return
    names = [f"{layer}.weight" for layer in LAYERS]
    weights = [(params[name].sign() * (params[name].abs() + 0.1)).requires_grad_() for name in names]

    def penalty(*tensors: torch.Tensor) -> torch.Tensor:
        value = bound.penalty(params | dict(zip(names, tensors, strict=True)), state, knobs)
        assert value.shape == (len(row.settings),)
        return value

    assert torch.autograd.gradcheck(penalty, weights)


def test_hooks_touch_no_lane_but_their_own(row: Any, training: Any) -> None:
    """A lane that holds nothing but NaN changes nothing for the others."""
    bound, knobs, params, state = bind(method_class(row.method), [*row.settings, *row.settings], training)
    lanes = len(row.settings)
    params = {name: tensor.float() for name, tensor in params.items()}
    spoiled = {name: tensor.clone() for name, tensor in params.items()}
    for tensor in spoiled.values():
        tensor[lanes:] = torch.nan
    results = []
    with torch.no_grad():
        for given in (params, spoiled):
            own = {name: tensor.clone() for name, tensor in state.items()}
            bound.start_epoch(given, own, knobs, clock([0.05] * 2 * lanes))
            bound.after_step(given, own, knobs, clock([0.05] * 2 * lanes))
            bound.after_epoch(given, own, knobs, clock([0.05] * 2 * lanes))
            bound.finish(given, own, knobs)
            results.append(bound.deployed(given, own, knobs))
    for name, tensor in results[0].items():
        assert torch.equal(tensor[:lanes], results[1][name][:lanes]), name


# -- parameters ------------------------------------------------------------------------------------------------


def test_per_layer_values_and_which_wins() -> None:
    trials: list[dict[str, Any]] = [
        {},
        {"beta": 3},
        {"beta_first": 0.5, "beta": 3},
        {"beta_rest": 2.0, "beta_2": 7.0},
    ]
    beta = stack_knobs(GROUP_LASSO, trials, layers=3)["beta"]
    assert beta.tolist() == [[1, 1, 1], [3, 3, 3], [0.5, 3, 3], [1, 7, 2]]


def test_numbers_choices_and_learning_rates() -> None:
    trials: list[dict[str, Any]] = [{"lambda": np.float64(0.5)}, {"cadence": "epoch", "weighting": "mean"}]
    knobs = stack_knobs(GROUP_LASSO, trials, 2)
    assert knobs["lambda"].tolist() == [0.5, 0]
    assert knobs.chosen("cadence", "epoch").tolist() == [False, True]
    assert knobs.some("cadence", "step") and not knobs.every("cadence", "step")
    assert knobs.pick("weighting", {"sqrt": torch.tensor(1.0), "mean": torch.tensor(2.0)}).tolist() == [1, 2]
    assert knobs.plain("lambda") == [0.5, 0]
    assert stack_lr([{"lr": 0.25}, {}], default=0.5).tolist() == [0.25, 0.5]


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"lamda": 1.0}, "parameter of group_lasso: expected one of lr, lambda, .* did you mean 'lambda'?"),
        ({"beta_4": 1.0}, "parameter of group_lasso: .* got 'beta_4'; did you mean 'beta_3'?"),
        ({"beta_0": 1.0}, "parameter of group_lasso: .* got 'beta_0'"),
        ({"alpha": 0.5}, "parameter of group_lasso: .* got 'alpha'"),
        ({"lambda": -1.0}, r"lambda: expected a number >= 0, but got -1.0"),
        ({"lambda": "1"}, r"lambda: expected a number >= 0, but got '1'"),
        ({"lambda": True}, r"lambda: expected a number >= 0, but got True"),
        ({"lambda": float("nan")}, r"lambda: expected a number >= 0, but got nan"),
        ({"beta_2": -1}, r"beta_2: expected a number >= 0, but got -1"),
        ({"weighting": "squrt"}, "weighting: expected one of sqrt, mean, none, but got 'squrt'; did you mean 'sqrt'?"),
    ],
)
def test_wrong_parameters_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stack_knobs(GROUP_LASSO, [{}, parameters], layers=3)


def test_a_negative_learning_rate_is_refused() -> None:
    with pytest.raises(ValueError, match=r"lr: expected a number > 0, but got -0.1"):
        stack_lr([{"lr": -0.1}], default=1.0)


@pytest.mark.parametrize(
    "name, known",
    [
        *(("lr", True), ("lambda", True), ("beta_12", True), ("beta_first", True)),
        *(("beta_0", False), ("lambda_1", False), ("lambda_first", False), ("gamma", False)),
    ],
)
def test_names_are_known_before_the_network_is(name: str, known: bool) -> None:
    assert GROUP_LASSO.goes_by(name) is known


# -- group lasso and sparse group lasso ------------------------------------------------------------------------


def numpy_step(weight: Array, bias: Array, gradients: tuple[Array, Array], lr: float, l1: float, l2: float) -> Any:
    """Proximal gradient step of one layer: min_x 1/2 ||x - v||^2 + lr (l1 ||x||_1 + l2 ||x||_2), unit by unit."""
    new_weight, new_bias = weight - lr * gradients[0], bias - lr * gradients[1]
    for unit in range(len(weight)):
        theta = np.append(new_weight[unit].ravel(), new_bias[unit])
        theta = np.sign(theta) * np.maximum(np.abs(theta) - lr * l1, 0)
        norm = np.sqrt((theta**2).sum())
        theta = np.zeros_like(theta) if norm <= lr * l2 else theta * (1 - lr * l2 / norm)
        new_weight[unit], new_bias[unit] = theta[:-1].reshape(weight[unit].shape), theta[-1]
    return new_weight, new_bias


SIZES = {"hidden1": 65, "hidden2": 13, "output": 9}
UNITS = 12 + 8 + 10
ONE_STEP: list[tuple[str, dict[str, Any], Callable[[str], tuple[float, float]]]] = [
    # method, parameters, layer -> strengths of the l1 and of the group term
    ("group_lasso", {"lambda": 1.5}, lambda layer: (0, 1.5 * SIZES[layer] ** 0.5)),
    ("group_lasso", {"lambda": 300, "weighting": "mean"}, lambda layer: (0, 300 / UNITS)),
    ("group_lasso", {"lambda": 7, "weighting": "none"}, lambda layer: (0, 7)),
    ("group_lasso", {"lambda": 1.5, "cadence": "epoch"}, lambda layer: (0, 1.5 * SIZES[layer] ** 0.5)),
    (
        "group_lasso",
        {"lambda": 6, "weighting": "none", "beta_first": 0.5, "beta_rest": 1.5, "beta_3": 0},
        lambda layer: (0, {"hidden1": 3, "hidden2": 9, "output": 0}[layer]),
    ),
    ("sparse_group_lasso", {"lambda": 0.3}, lambda layer: (0.15, 0.15 * SIZES[layer] ** 0.5)),
    ("sparse_group_lasso", {"lambda": 1, "alpha": 1}, lambda layer: (1, 0)),
    ("sparse_group_lasso", {"lambda": 1.5, "alpha": 0}, lambda layer: (0, 1.5 * SIZES[layer] ** 0.5)),
    (
        "sparse_group_lasso",
        {"lambda": 1, "alpha": 0.25, "weighting": "none", "beta_1": 2},
        lambda layer: (0.5, 1.5) if layer == "hidden1" else (0.25, 0.75),
    ),
]


@pytest.mark.parametrize("method, parameters, strengths", ONE_STEP, ids=lambda v: "" if callable(v) else str(v))
def test_one_step_is_the_proximal_gradient_step(method: str, parameters: Any, strengths: Any, training: Any) -> None:
    """Of plain SGD on the whole training set, gradients by a lone module, prox in NumPy."""
    lrs = (0.1, 0.03)
    recipe = training.recipe(
        epochs=2, polish=1, batch_size=180, optimizer={"name": "sgd", "momentum": 0.0}, shuffle=False
    )
    stack = training.stack(method, training.trials([{**parameters, "lr": lr} for lr in lrs]), recipe)
    x, y = stack.feed.batch("train", 0, 180)
    expected = []
    for lane, (trial, lr) in enumerate(zip(stack.trials, lrs, strict=True)):
        module = stack.problem.module(trial.seed)
        nn.functional.cross_entropy(module(x[lane]), y[lane]).backward()
        tensors = {name: parameter.detach().double().numpy() for name, parameter in module.named_parameters()}
        slopes = {name: parameter.grad.double().numpy() for name, parameter in module.named_parameters()}
        for layer in LAYERS:
            names = (f"{layer}.weight", f"{layer}.bias")
            given = [tensors[name] for name in names], tuple(slopes[name] for name in names)
            expected += list(
                zip((lane, lane), names, numpy_step(*given[0], given[1], lr, *strengths(layer)), strict=True)
            )
    stack.train_epoch()
    zeros = 0
    for lane, name, array in expected:
        np.testing.assert_allclose(stack.params[name][lane].numpy(), array, rtol=1e-4, atol=1e-6, err_msg=name)
        assert np.array_equal(stack.params[name][lane].numpy() == 0, array == 0), name
        zeros += int((array == 0).sum())
    assert zeros > 0, "the strengths are chosen so that something vanishes"


def test_the_epoch_cadence_waits_for_the_end_of_the_epoch(training: Any) -> None:
    """Six steps of plain SGD, then one proximal step."""
    recipe = training.recipe(epochs=2, polish=1, optimizer={"name": "sgd", "momentum": 0.0})
    lasso = {"lambda": 3.0, "weighting": "none", "cadence": "epoch"}
    stack = training.stack("group_lasso", training.trials([lasso] * 2), recipe)
    dense = training.stack("dense", training.trials([{}] * 2), recipe)
    stack.train_epoch()
    dense.train_epoch()
    for layer in LAYERS:
        weight, bias = (dense.params[f"{layer}.{kind}"].double().numpy() for kind in ("weight", "bias"))
        for lane in range(2):
            zero = (np.zeros_like(weight[lane]), np.zeros_like(bias[lane]))
            new_weight, _ = numpy_step(weight[lane], bias[lane], zero, 0.05, 0, 3.0)
            np.testing.assert_allclose(stack.params[f"{layer}.weight"][lane].numpy(), new_weight, atol=1e-6)


@pytest.mark.parametrize("method", ["group_lasso", "sparse_group_lasso"])
def test_lambda_grows_in_stages(method: str) -> None:
    """Dwork's own run: lambda = 1, 10, 100 for 300 epochs each, as one trial."""
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    bound = method_class(method)(trace(network, torch.zeros(1, 3)), Setting(100, 4, 900, 900))
    grown = {"lambda": 100.0, "lambda_stages": 3, "weighting": "mean"}
    knobs = stack_knobs(bound.declaration, [grown, {"lambda": 100.0, "weighting": "mean"}], 2)
    params = {name: torch.randn(2, *p.shape) for name, p in network.named_parameters()}
    for epoch, strength in ((0, 1.0), (299, 1.0), (300, 10.0), (600, 100.0), (899, 100.0)):
        fixed = [{"lambda": value, "weighting": "mean"} for value in (strength, 100.0)]
        results = []
        for values in (knobs, stack_knobs(bound.declaration, fixed, 2)):
            stepped = {name: tensor.clone() for name, tensor in params.items()}
            clock = Clock(epoch, 4 * epoch, torch.full((2,), 1e-3))
            bound.after_step(stepped, bound.init(params, values, torch.arange(2)), values, clock)
            results.append(stepped)
        for name, tensor in results[0].items():
            torch.testing.assert_close(tensor, results[1][name])


def test_sparse_group_lasso_zeroes_weights_of_units_that_stay(training: Any) -> None:
    settings = [{"lambda": 0.02, "alpha": 1.0}, {"lambda": 0.02, "alpha": 0.0}]
    weight = training.trained(training.stack("sparse_group_lasso", training.trials(settings))).params["hidden1.weight"]
    live = (weight != 0).any(2)
    inner = ((weight == 0) & live.unsqueeze(2)).flatten(1).sum(1).tolist()
    assert inner[0] > 50
    assert inner[1] == 0, "without the l1 term a unit stays whole or goes whole"


def test_groups_of_convolutions_are_filters(training: Any) -> None:
    where = problem({"name": "digits", "image": True, "limit": 180}, {"name": "convnet", "channels": [3, 4]}, seed=0)
    bound = GroupLasso(where.graph, SETTING)
    knobs = stack_knobs(GROUP_LASSO, [{"lambda": 1.0}], len(bound.layers))
    params = {name: tensor.detach().unsqueeze(0).clone() for name, tensor in where.graph.skeleton.named_parameters()}
    before = {name: tensor[0].double().numpy() for name, tensor in params.items()}
    with torch.no_grad():
        bound.after_step(params, bound.init(params, knobs, SEEDS[:1]), knobs, clock([0.1]))
    weight, bias = before["conv2.weight"], before["conv2.bias"]
    size = 3 * 9 + 1
    expected = numpy_step(weight, bias, (np.zeros_like(weight), np.zeros_like(bias)), 0.1, 0, size**0.5)
    np.testing.assert_allclose(params["conv2.weight"][0].numpy(), expected[0], atol=1e-6)
    np.testing.assert_allclose(params["conv2.bias"][0].numpy(), expected[1], atol=1e-6)


# -- CGES ------------------------------------------------------------------------------------------------------


def cges_shares(m: float, layers: int = 3) -> list[float]:
    return [m + (1 - 2 * m) * index / (layers - 1) for index in range(layers)]


def published_step(weight: Array, t: float, strength: float, share: float, scales: tuple[float, float]) -> Array:
    """Yoon and Hwang's two steps over the outgoing weights of each input: group prox, then their exclusive step."""
    w = weight.copy()
    for column in range(w.shape[1]):
        norm = np.linalg.norm(w[:, column])
        w[:, column] *= max(0.0, 1 - t * strength * scales[0] * (1 - share) / norm)
        level = t * strength * scales[1] * share * np.abs(w[:, column]).sum()
        w[:, column] = np.sign(w[:, column]) * np.maximum(np.abs(w[:, column]) - level, 0)
    return w


def joint_objective(w: Array, v: Array, group: float, exclusive: float) -> float:
    return float(
        0.5 * ((w - v) ** 2).sum()
        + group * np.linalg.norm(w, axis=0).sum()
        + 0.5 * exclusive * (np.abs(w).sum(0) ** 2).sum()
    )


CGES = [
    {"lambda": 3.0, "m": 0.2},
    {"lambda": 3.0, "m": 0.2, "update": "exact"},
    {"lambda": 2.0, "m": 0.5, "group_scale_1": 2.0, "exclusive_scale_rest": 3.0},
    {"lambda": 2.0, "m": 0.0, "update": "exact", "exclusive_scale_2": 0.5},
]
SCALES = [
    ([1, 1, 1], [1, 1, 1]),
    ([1, 1, 1], [1, 1, 1]),
    ([2, 1, 1], [1, 3, 3]),
    ([1, 1, 1], [1, 0.5, 1]),
]


@pytest.mark.parametrize("lanes", [[0, 2], [1, 3], [0, 1, 2, 3]], ids=["published", "exact", "mixed"])
def test_cges_updates(lanes: list[int], training: Any) -> None:
    trials = [CGES[lane] for lane in lanes]
    bound, knobs, params, state = bind(ExclusiveGroup, trials, training)
    before = {name: tensor.numpy().copy() for name, tensor in params.items()}
    t = 0.1
    with torch.no_grad():
        bound.after_step(params, state, knobs, clock([t] * len(lanes)))
    for index, lane in enumerate(lanes):
        parameters = CGES[lane]
        for depth, layer in enumerate(LAYERS):
            name = f"{layer}.weight"
            share = cges_shares(float(parameters["m"]))[depth]
            scales = (SCALES[lane][0][depth], SCALES[lane][1][depth])
            old, new = before[name][index], params[name][index].numpy()
            strength = float(parameters["lambda"])
            heuristic = published_step(old, t, strength, share, scales)
            if "update" not in parameters:
                np.testing.assert_allclose(new, heuristic, rtol=1e-5, atol=1e-7)
                continue
            strengths = (t * strength * scales[0] * (1 - share), t * strength * scales[1] * share)
            best = joint_objective(new, old, *strengths)
            assert best <= joint_objective(heuristic, old, *strengths) + 1e-9
            rng = np.random.default_rng(0)
            for size in (1e-3, 1e-2, 1e-1):
                other = new + size * rng.standard_normal(new.shape) * (rng.random(new.shape) < 0.3)
                assert best <= joint_objective(other, old, *strengths) + 1e-7
            if share == 0:  # the group term alone: both updates are its prox
                np.testing.assert_allclose(new, heuristic, atol=1e-6)
    assert all(np.array_equal(params[f"{layer}.bias"].numpy(), before[f"{layer}.bias"]) for layer in LAYERS)


def test_cges_groups_of_a_convolution_are_taps(training: Any) -> None:
    """(cin, kh, kw) across all filters: with the group term alone, a tap goes for all filters or for none."""
    where = problem({"name": "digits", "image": True, "limit": 180}, {"name": "convnet", "channels": [3, 8]}, seed=0)
    stack = training.stack(
        "exclusive_group",
        training.trials([{"lambda": 0.1, "m": 0.0, "group_scale": 8.0, "exclusive_scale": 0.0}]),
        training.recipe(epochs=4, polish=1),
        where,
    )
    weight = training.trained(stack).params["conv2.weight"][0]
    gone = weight == 0
    assert bool(gone.any()) and not bool(gone.all())
    assert torch.equal(gone.all(0), gone.any(0))


# -- pruning baselines -----------------------------------------------------------------------------------------

PRUNING = [
    # parameters -> units that stay in hidden1 (12) and hidden2 (8); None: whatever the ranking says
    ({"sparsity": 0.25}, None, 15),
    ({"sparsity": 0.5}, None, 10),
    ({"sparsity": 0.5, "scope": "layerwise"}, (6, 4), 10),
    ({"sparsity_1": 0.75, "sparsity_2": 0.25, "scope": "layerwise"}, (3, 6), 9),
    ({"sparsity": 1.0}, (1, 1), 2),
    ({"sparsity": 1.0, "scope": "layerwise"}, (1, 1), 2),
    ({"sparsity": 0.0}, (12, 8), 20),
]


@pytest.mark.parametrize("method", ["magnitude", "random"])
def test_pruning_removes_the_share_asked_for(method: str, training: Any) -> None:
    trials = [dict(parameters) for parameters, _, _ in PRUNING]
    bound, knobs, params, state = bind(method_class(method), trials, training)
    saliencies = [bound.saliency(params, state, layer).clone() for layer in bound.layers]
    with torch.no_grad():
        bound.finish(params, state, knobs)
    kept = [(params[f"{layer}.weight"] != 0).any(2) for layer in LAYERS[:2]]
    assert bool((params["output.weight"] != 0).all()), "the network's output keeps its units"
    for lane, (parameters, widths, total) in enumerate(PRUNING):
        got = tuple(int(mask[lane].sum()) for mask in kept)
        assert sum(got) == total, parameters
        assert widths in (None, got)
        for layer, mask, saliency in zip(LAYERS, kept, saliencies, strict=False):
            bias = params[f"{layer}.bias"][lane]
            assert torch.equal(bias != 0, mask[lane]), "the bias goes with the unit"
            if not mask[lane].all():
                assert saliency[lane][~mask[lane]].max() < saliency[lane][mask[lane]].min()


def test_magnitude_ranks_by_root_mean_square(training: Any) -> None:
    bound, _, params, state = bind(method_class("magnitude"), [{}], training)
    for layer in bound.layers:
        weight, bias = params[layer.weight][0].numpy(), params[layer.bias][0].numpy()
        expected = np.sqrt((np.c_[weight, bias] ** 2).mean(1))
        np.testing.assert_allclose(bound.saliency(params, state, layer)[0].numpy(), expected)


def test_random_choice_is_the_trials_own(training: Any) -> None:
    bound, _, params, state = bind(method_class("random"), [{}, {}], training)
    one, other = (bound.saliency(params, state, layer) for layer in bound.layers)
    assert not torch.equal(one[0], one[1])
    assert not torch.equal(one[0][:8], other[0])


# -- at work ---------------------------------------------------------------------------------------------------


def on_digits(method: str, settings: Any, training: Any) -> list[tuple[float, int]]:
    """Validation accuracy and neurons of an mlp of 64 and 32 units on all of digits, by setting."""
    where = problem({"name": "digits"}, {"name": "mlp", "widths": [64, 32]}, seed=0)
    trials = [Trial(f"t{i}", 0, 0, dict(s)) for i, s in enumerate(settings)]
    stack = training.stack(method, trials, training.recipe(epochs=30, polish=8), where)
    last = training.trained(stack).history[-1]
    return list(zip(last["val_accuracy"].tolist(), last["neurons"].tolist(), strict=True))


@pytest.fixture(scope="module")
def dense_accuracy(training: Any) -> float:
    ((accuracy, neurons),) = on_digits("dense", [{}], training)
    assert neurons == 96
    return accuracy


def each(name: str, values: Sequence[float], **others: float | str) -> list[dict[str, float | str]]:
    return [{name: value, **others} for value in values]


SWEEPS = {  # settings of which some lose units and keep the accuracy
    "group_lasso": each("lambda", (1e-3, 3e-3, 1e-2)),
    "sparse_group_lasso": each("lambda", (1e-3, 3e-3, 1e-2)),
    "exclusive_group": each("lambda", (7e-3, 1e-2), m=0.1, update="exact") + each("lambda", (7e-3, 1e-2), m=0.1),
    "drop_neuron": each("dn", (0.01, 0.03, 0.1)) + each("dn", (0.03, 0.1), update="proximal"),
    "npn": each("lambda", (3e-3, 0.01, 0.03), gate_lr=0.01)
    + each("lambda", (3e-3, 0.01), gate_lr=0.03, estimator="ar"),
    "magnitude": each("sparsity", (0.25, 0.5)),
    "random": each("sparsity", (0.25, 0.5)),
}


@pytest.mark.slow
def test_loses_units_and_keeps_within_three_points_of_dense(
    sparse_row: Any, dense_accuracy: float, training: Any
) -> None:
    """At some setting of its sweep."""
    pairs = on_digits(sparse_row.method, SWEEPS[sparse_row.method], training)
    assert any(neurons < 96 and accuracy >= dense_accuracy - 0.03 for accuracy, neurons in pairs), pairs
