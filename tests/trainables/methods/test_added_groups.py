"""What NPN gates and DropNeuron penalises where a study asks for more than their papers do: whole groups of sets."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from trainables.groups import KINDS, Graph, Layer, group_squares, joint, liveness, readers, remove_groups, trace
from trainables.methods import Clock, Knobs, Losses, Method, Params, Setting, State, stack_knobs
from trainables.methods.drop_neuron import DropNeuron
from trainables.methods.npn import NPN
from trainables.problem import problem
from trainables.recipe import Recipe
from trainables.training.stack import Stack, Trial

VIT = {
    "name": "transformers:ViTForImageClassification",
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "intermediate_size": 12,
    "patch_size": 4,
}
RESNET = {"name": "resnet", "depth": 8, "widths": [4, 6, 8]}


class Residual(nn.Module):
    """Two layers whose outputs are added."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.out = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        found: Tensor = self.out((y + self.b(y.tanh())).tanh())
        return found


class Grouped(nn.Module):
    """Channels that a skip adds up, read by a convolution of two groups."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 4, 1), nn.Conv2d(4, 4, 1)
        self.pairs, self.out = nn.Conv2d(4, 6, 3, groups=2), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x).relu()
        found: Tensor = self.out(self.pairs(y + self.b(y)).relu().mean((2, 3)))
        return found


@cache
def graph_of(network: str) -> Graph:
    if network in ("vit", "resnet"):
        if network == "vit":
            pytest.importorskip("transformers")
        model = VIT if network == "vit" else RESNET
        return problem({"name": "digits", "image": True}, model | {"groups": list(KINDS)}, 0).graph
    module, example = (Residual(), torch.zeros(1, 2)) if network == "residual" else (Grouped(), torch.zeros(1, 1, 4, 4))
    return trace(module.eval(), example)


def bind(
    method: type[Method], network: str, trials: list[dict[str, Any]], groups: tuple[str, ...] = KINDS
) -> tuple[Any, Knobs, Params, State]:
    """The method on random float64 weights."""
    graph = graph_of(network)
    bound = method(graph, Setting(50, 5, 10, 10, groups=groups))
    knobs = stack_knobs(method.declaration, trials, len(bound.layers))
    generator = torch.Generator().manual_seed(0)
    params = {
        name: torch.randn(len(trials), *p.shape, generator=generator, dtype=torch.float64) / 2
        for name, p in graph.skeleton.named_parameters()
    }
    seeds = torch.arange(len(trials))
    params |= {name: tensor.double() for name, tensor in bound.extra(params, knobs, seeds).items()}
    return bound, knobs, params, bound.init(params, knobs, seeds)


def run(graph: Graph, params: Params) -> Tensor:
    x = torch.randn(3, *graph.example.shape[1:], generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    tensors = {name: tensor[0] for name, tensor in params.items() if not name.startswith("gate.")}
    found: Tensor = functional_call(graph.skeleton.double().eval(), tensors, (x,))
    return found


# -- NPN -----------------------------------------------------------------------------------------------------------


def names(network: str, groups: tuple[str, ...]) -> list[str]:
    return [site.name for site in NPN(graph_of(network), Setting(50, 5, 10, 10, groups=groups)).sites]


def test_gates_are_those_of_the_paper_unless_a_study_adds_kinds() -> None:
    published = ["conv", "stage1_block1.conv1", "stage2_block1.conv1", "stage3_block1.conv1", "output"]
    channels = ["channels.conv", "channels.stage2_block1.conv2", "channels.stage3_block1.conv2"]
    assert names("resnet", ()) == names("resnet", ("units",)) == published, "units have their gates"
    assert names("resnet", ("units", "channels")) == published + channels
    assert [name.partition(".")[0] for name in names("vit", KINDS)[len(names("vit", ())) :]] == [
        "stream",
        "dimensions",
        "dimensions",
        "heads",
    ]


@pytest.mark.parametrize("network", ["resnet", "vit", "grouped"])
def test_a_group_whose_gate_is_shut_is_gone(network: str) -> None:
    """The network computes what it does without the group, and the group is dead; at other gates nothing is."""
    method, knobs, params, state = bind(NPN, network, [{}])
    state["k"].fill_(5000.0)
    added = [site for site in method.sites if site.name not in names(network, ())]
    assert added
    for site in method.sites:
        params[f"gate.{site.name}"].fill_(1.0)
    graph = graph_of(network)
    buffers = {name: buffer[None].double() for name, buffer in graph.skeleton.named_buffers()}
    whole = liveness(graph, method.deployed(params, state, knobs), buffers)
    for site in added:
        logits = params[f"gate.{site.name}"]
        logits[:, ::2] = -1.0
        deployed = method.deployed(params, state, knobs)
        removed = {name: tensor.clone() for name, tensor in params.items() if not name.startswith("gate.")}
        gone = logits < 0
        if site.layer.what == "dimensions":
            for layer in site.members:
                removed[layer.weight][layer.ungrouped(gone)] = 0
                removed[layer.bias][layer.ungrouped(gone)] = 0
        else:
            remove_groups(removed, site.members, gone)
        torch.testing.assert_close(run(graph, deployed), run(graph, removed), rtol=1e-9, atol=1e-9)
        alive = liveness(graph, deployed, buffers)
        for layer in site.members:
            assert torch.equal(alive[layer.name], layer.ungrouped(~gone) & whole[layer.name]), (site.name, layer.name)
        logits.fill_(1.0)


def test_the_cost_of_a_gate_on_a_group_counts_its_weights() -> None:
    """All that the gate acts on: the rows of a channel in all convolutions that add to it, the columns of a head."""
    trials: list[dict[str, Any]] = [{"lambda": 1.0, "cost": cost} for cost in ("undivided", "per_example", "equal")]
    method, _, _, state = bind(NPN, "resnet", trials)
    counts = [9 + 4 * 9, 6 * 9 + 4, 8 * 9 + 6]
    assert state["cost"][0, -3:].tolist() == counts
    torch.testing.assert_close(state["cost"][1, -3:], torch.tensor(counts) / 50)
    assert state["cost"][2].tolist() == [1.0] * len(method.sites)
    method, _, _, state = bind(NPN, "vit", trials, ("heads",))
    assert [site.name.partition(".")[0] for site in method.sites[-1:]] == ["heads"]
    assert state["cost"][0, -1:].tolist() == [16 * 4]


GRID = 20


def test_gradients_of_added_gates_are_those_of_the_objective_in_the_mean() -> None:
    """Against all gates enumerated, the published ones being open; weights that two gates scale included."""
    k, pi = 3.0, torch.tensor([6, 13], dtype=torch.float64) / GRID
    trial = {"lambda": 2.0, "cost": "undivided", "k_start": k}
    method, knobs, params, state = bind(NPN, "residual", [trial])
    assert [site.name for site in method.sites] == ["a", "b", "out", "channels.a"]
    assert float(state["cost"][0, 3]) == 2.0 * 4
    midpoints = (torch.arange(GRID, dtype=torch.float64) + 0.5) / GRID
    u = torch.cartesian_prod(midpoints, midpoints)
    lanes = len(u)
    params = {name: tensor.expand(lanes, *tensor.shape[1:]).clone() for name, tensor in params.items()}
    for name in ("a", "b", "out"):
        params[f"gate.{name}"].fill_(1e3)
    params["gate.channels.a"][:] = pi.logit() / k
    many = {name: tensor.expand(lanes, *tensor.shape[1:]) for name, tensor in state.items()}
    assert knobs.masks is not None
    every = Knobs(knobs.lanes, masks={name: mask.expand(lanes) for name, mask in knobs.masks.items()})
    network, x, y = Residual().double(), torch.randn(4, 2, dtype=torch.float64), torch.randn(4, 1, dtype=torch.float64)

    def loss(tensors: Params) -> Tensor:
        return (functional_call(network, tensors, (x,)) - y).square().mean()

    losses = Losses(lambda p: vmap(loss)(p))
    noise = {name: torch.full((lanes, 2), 0.4, dtype=torch.float64) for name in ("a", "b", "out")} | {"channels.a": u}
    found, _ = method.gradients(losses, params, many, every, noise, Clock(0, 0, torch.tensor(0.1)))

    phi = params["gate.channels.a"][0].clone().requires_grad_()
    own = {name: params[name][0].clone().requires_grad_() for name, _ in network.named_parameters()}
    odds, total = torch.sigmoid(k * phi), torch.zeros((), dtype=torch.float64)
    for gates in itertools.product([0.0, 1.0], repeat=2):
        z = torch.tensor(gates, dtype=torch.float64)
        scaled = {name: tensor for name, tensor in own.items() if name.startswith("out")}
        for name in ("a", "b"):
            scaled |= {f"{name}.weight": own[f"{name}.weight"] * z[:, None], f"{name}.bias": own[f"{name}.bias"] * z}
        total = total + loss(scaled) * torch.where(z > 0, odds, 1 - odds).prod()
    weights = list(own)
    by_phi, *by_weights = torch.autograd.grad(total + 8 * odds.sum(), [phi, *own.values()])
    torch.testing.assert_close(found["gate.channels.a"].mean(0), by_phi, rtol=1e-6, atol=1e-9)
    for name, gradient in zip(weights, by_weights, strict=True):
        torch.testing.assert_close(found[name].mean(0), gradient, rtol=1e-9, atol=1e-12)


def test_gates_of_a_layer_and_of_its_set_multiply() -> None:
    method, knobs, params, state = bind(NPN, "residual", [{"k_start": 2.0}])
    state["k"].fill_(2.0)
    columns, rows = torch.sigmoid(2 * params["gate.b"]), torch.sigmoid(2 * params["gate.channels.a"])
    deployed = method.deployed(params, state, knobs)
    torch.testing.assert_close(deployed["b.weight"], params["b.weight"] * columns[:, None, :] * rows[:, :, None])
    torch.testing.assert_close(deployed["b.bias"], params["b.bias"] * rows)


# -- DropNeuron ----------------------------------------------------------------------------------------------------


def added_sets(method: DropNeuron) -> list[tuple[Layer, ...]]:
    return [members for members, _ in method.groups]


@pytest.mark.parametrize("network", ["resnet", "vit", "grouped"])
def test_the_penalty_of_groups_is_in_and_out(network: str) -> None:
    """2 dn s (r li + (1 - r) lo), a group's norm over all of its rows, then over all of the columns that read it."""
    trial = {"dn": 3.0, "ratio": 0.3, "scale": 0.5}
    method, knobs, params, state = bind(DropNeuron, network, [trial])
    plain, own, _, published = bind(DropNeuron, network, [trial], ())
    assert len(method.layers) == len(plain.layers) + len(added_sets(method))
    assert all(joint(members) or members[0].kind == "conv" for members in added_sets(method))
    expected = 0.0
    for members in added_sets(method):
        li = group_squares(params, members).sqrt().sum()
        reading = readers(graph_of(network), members)
        lo = torch.stack([r.squares(params, members[0].count) for r in reading]).sum(0).sqrt().sum() if reading else 0.0
        expected += 2 * 3.0 * 0.5 * (0.3 * float(li) + 0.7 * float(lo))
    both, alone = method.penalty(params, state, knobs), plain.penalty(params, published, own)
    assert float(both - alone) == pytest.approx(expected, rel=1e-5)
    found = method.penalty_gradients(params, {n: t.double() for n, t in state.items()}, knobs)
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in params.items()}
    total = method.penalty(leaves, {n: t.double() for n, t in state.items()}, knobs).sum()
    for name, gradient in zip(
        leaves, torch.autograd.grad(total, list(leaves.values()), allow_unused=True), strict=True
    ):
        if gradient is not None:
            torch.testing.assert_close(found[name], gradient, rtol=1e-6, atol=1e-9)


def test_columns_that_read_a_group_are_found_in_grouped_convolutions() -> None:
    graph = graph_of("grouped")
    (members,) = (m for m in graph.sets if m[0].what == "channels")
    (reader,) = readers(graph, members)
    assert reader.layer.name == "pairs"
    params = {name: p.detach()[None] for name, p in graph.skeleton.named_parameters()}
    weight = params["pairs.weight"][0]
    expected = torch.stack([weight[:3, 0], weight[:3, 1], weight[3:, 0], weight[3:, 1]]).flatten(1).square().sum(1)
    torch.testing.assert_close(reader.squares(params, 4)[0], expected)
    scaled = weight * reader.spread(torch.tensor([[1.0, 2.0, 3.0, 4.0]]), 5)[0]
    torch.testing.assert_close(scaled[:3], weight[:3] * torch.tensor([1.0, 2.0]).view(1, 2, 1, 1))
    torch.testing.assert_close(scaled[3:], weight[3:] * torch.tensor([3.0, 4.0]).view(1, 2, 1, 1))


def test_the_proximal_steps_take_whole_groups() -> None:
    method, knobs, params, state = bind(DropNeuron, "resnet", [{"dn": 1e4, "update": "proximal"}], ("channels",))
    method.after_step(params, state, knobs, Clock(0, 0, torch.tensor([0.1])))
    method.finish(params, state, knobs)
    inner = {layer.name for layer in graph_of("resnet").layers if layer.what == "units" and not layer.output}
    for layer in graph_of("resnet").layers:
        read = layer.name.endswith("block1.conv1")
        assert bool(params[layer.weight].any()) == (layer.name in inner and not read), layer.name


# -- errors --------------------------------------------------------------------------------------------------------


def test_what_cannot_be_added_is_refused() -> None:
    where = problem({"name": "digits", "limit": 60}, {"name": "mlp", "widths": [4]}, 0)

    def stack(method: str, *groups: str) -> Stack:
        recipe = Recipe(epochs=1, groups=groups)
        return Stack(where, method, recipe, [Trial("t", 0, 0, {})], torch.device("cpu"))

    with pytest.raises(ValueError, match=r"groups\.0: expected one of units, heads, channels, but got 'stream'"):
        stack("npn", "stream")
    with pytest.raises(ValueError, match="groups: expected none, as group_lasso goes by the model's groups"):
        stack("group_lasso", "units")
    assert len(stack("npn", "heads").method.layers) == 2, "an MLP has none"
