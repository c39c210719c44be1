"""The structure of networks, and which of their units live."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor, nn
from torch.func import stack_module_state

from trainables.groups import (
    Edge,
    everything,
    liveness,
    outgoing_matrix,
    trace,
    unit_matrix,
    write_outgoing,
    write_units,
)
from trainables.groups.labels import _components


def lenet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 2, bias=False),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24, 5),
        nn.ReLU(),
        nn.Linear(5, 3),
    )


class Skip(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner, self.back, self.out = (
            nn.Linear(4, 3), nn.Linear(3, 5), nn.Linear(5, 3), nn.Linear(3, 2),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.out(x + self.back(self.inner(x).relu()))


class Stranger(nn.Module):
    """Layers a, b, c of width 6; what happens between a and b is up to ``how``."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.a, self.b, self.c = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 2)
        self.scale = nn.Parameter(torch.rand(6) + 1)
        self.matrix = nn.Parameter(torch.rand(6, 6))

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x).tanh()
        if self.how == "size written down":
            x = x.view(-1, 6)
        elif self.how == "parameter":
            x = x * self.scale
        elif self.how == "matrix":
            x = x @ self.matrix
        elif self.how == "softmax":
            x = x.softmax(1)
        elif self.how == "flip":
            x = x.flip(1)
        elif self.how == "used twice":
            x = self.b(x).tanh()
        elif self.how == "detached":
            x = x + x.detach().roll(1, 1)
        elif self.how == "slice":
            x = torch.cat((x[:, :3], x[:, :3]), 1)
        return self.c(self.b(x).relu())


def test_layers_as_they_are() -> None:
    graph = trace(lenet(), torch.zeros(1, 1, 9, 9))
    conv1, conv2, hidden, output = graph.layers
    assert [layer.name for layer in graph.layers] == ["0", "4", "7", "9"]
    assert graph.hidden == (conv1, conv2, hidden)
    assert graph.input_features == 1
    assert (conv1.kind, conv1.units, conv1.inputs, conv1.size, conv1.positions) == ("conv", 4, 1, 10, 49)
    assert conv1.rows == ("0.weight", "0.bias", "1.weight", "1.bias")
    assert (conv2.bias, conv2.norm, conv2.size) == (None, None, 16)
    assert conv1.feeds == (Edge("4"),)
    assert conv2.feeds == (Edge("7", repeat=4),)
    assert output.output
    assert not output.feeds
    assert not any(layer.tied for layer in graph.layers)
    with pytest.raises(ValueError, match=r"but got '10'; did you mean '0'\?"):
        graph.layer("10")


def test_a_skip_connection_ties_layers() -> None:
    graph = trace(Skip(), torch.zeros(1, 4))
    ties = {layer.name: layer.tie for layer in graph.layers}
    assert {layer.name for layer in graph.layers if layer.tied} == {"stem", "back"}
    assert ties["stem"] == ties["back"] != ties["inner"]
    assert {edge.layer for edge in graph.layer("stem").feeds} == {"inner", "out"}
    assert {edge.layer for edge in graph.layer("back").feeds} == {"out"}


@pytest.mark.parametrize(
    ("how", "fixed"),
    [
        ("nothing", set()),
        ("size written down", {"a"}),
        ("parameter", set()),
        ("matrix", {"a"}),
        ("softmax", {"a"}),
        ("flip", set()),
        ("used twice", {"a", "b"}),
        ("detached", {"a"}),
        ("slice", {"a"}),
    ],
)
def test_what_is_not_understood_is_left_alone(how: str, fixed: set[str]) -> None:
    graph = trace(Stranger(how), torch.randn(1, 4))
    assert set(graph.whole) == fixed
    assert all(graph.whole.values())
    params = {n: p.detach()[None] for n, p in graph.skeleton.named_parameters()}
    params |= {n: torch.zeros_like(p) for n, p in params.items() if n.startswith(("a.", "b."))}
    alive = liveness(graph, params)
    assert all(bool(alive[name].all()) for name in fixed)


@pytest.mark.parametrize("activation", [nn.Hardswish, nn.Hardsigmoid, nn.SiLU, nn.Hardtanh, nn.ReLU6])
def test_activations_in_place_are_known(activation: type[nn.Module]) -> None:
    network = nn.Sequential(nn.Linear(3, 4), activation(inplace=True), nn.Linear(4, 2)).eval()  # type: ignore[call-arg]
    assert not trace(network, torch.randn(1, 3)).whole


def test_trace_leaves_the_module_alone_and_works_without_gradients() -> None:
    module = lenet().train()
    module[0].weight.requires_grad_(False)
    before = {n: t.clone() for n, t in module.state_dict().items()}
    with torch.no_grad():
        trace(module, torch.randn(1, 1, 9, 9))
    assert module.training
    assert module[2].training
    assert not module[0].weight.requires_grad
    assert all(torch.equal(t, before[n]) for n, t in module.state_dict().items())


class Twins(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Linear(3, 2), "does not run on an input of shape"),
        (nn.Sequential(nn.ReLU()), r"expected Sequential to have nn.Linear or nn.Conv modules"),
        (Twins(), "expected Twins to give a tensor but got tuple"),
    ],
)
def test_networks_that_cannot_be_traced(module: nn.Module, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trace(module, torch.zeros(1, 4))


def stacked(modules: list[nn.Module]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in stack_module_state(modules)[0].items()}


def test_matrices_of_units_and_their_inverses() -> None:
    graph = trace(lenet(), torch.zeros(1, 1, 9, 9))
    params = stacked([lenet(), lenet()])
    conv1, conv2, hidden, _ = graph.layers
    matrix = unit_matrix(params, conv1)
    assert matrix.shape == (2, 4, conv1.size)
    assert torch.equal(matrix[1, 2], torch.cat((params["0.weight"][1, 2].flatten(), params["0.bias"][1, 2:3])))
    assert unit_matrix(params, conv2).shape == (2, 6, conv2.size)
    edge = conv2.feeds[0]
    outgoing = outgoing_matrix(graph, params, conv2, edge)
    assert torch.equal(outgoing[0, 3].view(4, 5), params["7.weight"][0, :, 12:16].T)
    taps = outgoing_matrix(graph, params, conv1, conv1.feeds[0])
    assert torch.equal(taps[1, 2].view(6, 2, 2), params["4.weight"][1, :, 2])
    before = {name: tensor.clone() for name, tensor in params.items()}
    write_units(params, conv1, matrix * 2)
    write_outgoing(graph, params, conv2, edge, outgoing * 3)
    write_outgoing(graph, params, conv1, conv1.feeds[0], taps * 5)
    factors = {"0.weight": 2, "0.bias": 2, "7.weight": 3, "4.weight": 5}
    assert all(torch.equal(params[n], before[n] * factors.get(n, 1)) for n in params)
    assert hidden.hidden


def test_outgoing_weights_of_grouped_convolutions() -> None:
    module = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 6, 1, groups=2), nn.Flatten(), nn.Linear(6, 2))
    graph = trace(module, torch.zeros(1, 1, 1, 1))
    params = stacked([module])
    edge = graph.layer("0").feeds[0]
    outgoing = outgoing_matrix(graph, params, graph.layer("0"), edge)
    assert torch.equal(outgoing[0, 3], params["1.weight"][0, 3:, 1].flatten())
    write_outgoing(graph, params, graph.layer("0"), edge, outgoing.clone())
    assert torch.equal(params["1.weight"][0], module[1].weight.detach())


def brute_force(weights: list[Tensor]) -> tuple[list[Tensor], Tensor]:
    """Removes units of a multilayer perceptron one rule at a time until nothing changes."""
    masks = [torch.ones(weights[0].shape[1], dtype=torch.bool)]
    masks += [torch.ones(len(w), dtype=torch.bool) for w in weights]
    changed = True
    while changed:
        changed = False
        for index in range(len(masks) - 1):
            for unit in masks[index].nonzero().flatten().tolist():
                outgoing = weights[index][masks[index + 1], unit]
                incoming = weights[index - 1][unit, masks[index - 1]] if index else torch.ones(1)
                if not outgoing.any() or not incoming.any():
                    masks[index][unit] = False
                    changed = True
    for mask in masks:
        mask[0] |= not mask.any()
    return masks[1:], masks[0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([0.3, 0.6, 0.8, 0.95]))
def test_liveness_is_the_fixpoint_of_removing_units(seed: int, sparsity: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    params = {name: torch.ones(3, *p.shape) for name, p in MLP.skeleton.named_parameters()}
    for layer in MLP.layers:
        params[layer.weight] = (torch.rand(params[layer.weight].shape, generator=generator) > sparsity).float()
    alive = liveness(MLP, params)
    for lane in range(3):
        masks, inputs = brute_force([params[layer.weight][lane] for layer in MLP.layers])
        assert torch.equal(alive.inputs[lane], inputs)
        for layer, mask in zip(MLP.layers, masks, strict=True):
            assert torch.equal(alive[layer.name][lane], mask)


MLP = trace(
    nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)),
    torch.zeros(1, 5),
)


def test_a_lane_does_not_depend_on_the_others() -> None:
    graph = trace(lenet(), torch.zeros(1, 1, 9, 9))
    modules = [lenet().eval() for _ in range(3)]
    with torch.no_grad():
        modules[0][0].weight[1:3] = 0
        modules[1][1].weight[0] = 0
        modules[2][4].weight[:, 2] = 0
        modules[2][7].weight[:, 4:8] = 0
    params, buffers = stack_module_state(modules)
    together = liveness(graph, params, buffers)
    for lane in range(3):
        params, buffers = stack_module_state(modules[lane : lane + 1])
        alone = liveness(graph, params, buffers)
        assert torch.equal(alone.inputs, together.lane(lane).inputs)
        assert all(torch.equal(alone[layer.name], together.lane(lane)[layer.name]) for layer in graph.layers)
    assert together["0"].tolist() == [
        [True, False, False, True],
        [False, True, True, True],
        [True, True, False, True],
    ]
    assert together["4"].sum(1).tolist() == [6, 6, 5]


def test_tied_units_stay_while_one_of_them_lives() -> None:
    graph = trace(Skip(), torch.zeros(1, 4))
    params = stacked([Skip()])
    params["stem.weight"][:, :2] = 0
    params["back.weight"][:, 1:] = 0
    alive = liveness(graph, params)
    assert alive["stem"].tolist() == alive["back"].tolist() == [[True, False, True]]


def test_without_buffers_constants_that_matter_are_taken_as_not_zero() -> None:
    module = nn.Sequential(
        nn.Conv2d(1, 2, 1),
        nn.BatchNorm2d(2),
        nn.ReLU(),
        nn.Conv2d(2, 2, 3, padding=1),
        nn.Flatten(),
        nn.Linear(18, 2),
    ).eval()
    with torch.no_grad():
        module[1].weight[0] = 0
        module[1].bias[0] = -1
    graph = trace(module, torch.zeros(1, 1, 3, 3))
    params, buffers = stack_module_state([module])
    assert liveness(graph, params, buffers)["0"].tolist() == [[False, True]]
    assert liveness(graph, params)["0"].tolist() == [[True, True]]


def test_weights_that_are_not_finite_count_as_connections() -> None:
    params = {name: torch.ones(1, *p.shape) for name, p in MLP.skeleton.named_parameters()}
    params["0.weight"][:] = float("nan")
    params["2.weight"][:] = float("inf")
    alive = liveness(MLP, params)
    assert all(bool(mask.all()) for mask in alive.units.values())


def test_everything_lives_in_dense_networks() -> None:
    alive, dense = liveness(MLP, stacked([MLP.skeleton])), everything(MLP)
    assert torch.equal(alive.inputs, dense.inputs)
    assert all(torch.equal(alive[name], dense[name]) for name in dense.units)


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 60), st.integers(0, 2**31))
def test_components_are_numbered_by_their_first_nodes(count: int, edges: int, seed: int) -> None:
    pairs = torch.randint(0, count, (2, edges), generator=torch.Generator().manual_seed(seed))
    graph = coo_array((np.ones(edges, np.int8), tuple(pairs.numpy())), shape=(count, count))
    assert _components(count, pairs).tolist() == connected_components(graph, directed=False)[1].tolist()
