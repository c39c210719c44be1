"""Counts against closed forms; tests of compaction compare them with the compact networks themselves."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from trainables.compaction import cost
from trainables.groups import Graph, everything, liveness, trace


def mlp(*widths: int) -> Graph:
    layers = [nn.Linear(a, b) for a, b in pairwise(widths)]
    steps = [step for layer in layers for step in (layer, nn.ReLU())]
    return trace(nn.Sequential(*steps[:-1]), torch.zeros(1, widths[0]))


def caffe() -> Graph:
    """LeNet-5 as Li and Ji (2019) gate it."""
    module = nn.Sequential(
        nn.Conv2d(1, 20, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(800, 500),
        nn.ReLU(),
        nn.Linear(500, 10),
    )
    return trace(module, torch.zeros(1, 1, 28, 28))


def ones(graph: Graph, lanes: int = 1) -> dict[str, Tensor]:
    return {name: torch.ones(lanes, *p.shape) for name, p in graph.skeleton.named_parameters()}


def plain(counts: dict[str, Tensor]) -> dict[str, object]:
    return {name: value.tolist() for name, value in counts.items()}


def test_counts_of_all_lanes_at_once() -> None:
    graph = mlp(5, 4, 3, 2)
    params = ones(graph, lanes=3)
    params["0.weight"][1, :3] = 0  # lane 1: 3 constant units in the first layer
    params["4.weight"][2, :, 0] = 0  # lane 2: a unit of the second layer that nobody reads,
    params["0.weight"][2, :, :2] = 0  # and 2 input features
    assert plain(cost.count(graph, liveness(graph, params))) == {
        "neurons": [7, 4, 6],
        "inputs": [5, 5, 3],
        "parameters": [24 + 15 + 8, 6 + 6 + 8, 16 + 10 + 6],
        "macs": [20 + 12 + 6, 5 + 3 + 6, 12 + 8 + 4],
        "flops": [76, 28, 48],
        "widths": [[4, 3], [1, 3], [4, 2]],
    }


def test_norms_and_parameters_elsewhere_are_counted() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.PReLU(), nn.Flatten(), nn.Linear(64, 2))
    graph = trace(module, torch.zeros(1, 3, 4, 4))
    params = ones(graph, lanes=2)
    params["4.weight"][1, :, :16] = 0
    counts = cost.count(graph, liveness(graph, params))
    assert counts["parameters"].tolist() == [4 * 28 + 8 + 1 + 130, 3 * 28 + 6 + 1 + 98]
    assert counts["macs"].tolist() == [16 * 4 * 27 + 128, 16 * 3 * 27 + 96]
    memory = cost.footprint(graph, liveness(graph, params))
    assert memory["activations"].tolist() == [16 * (3 + 4), 16 * (3 + 3)]
    # Of a batch norm's channel: weight, bias, mean and variance; of all of it: an int64 counter.
    assert memory["bytes"].tolist() == [4 * (112 + 16 + 1 + 130) + 8, 4 * (84 + 12 + 1 + 98) + 8]


def test_a_network_of_one_layer_has_no_neurons() -> None:
    graph = mlp(5, 2)
    counts = cost.count(graph, everything(graph, lanes=2))
    assert counts["neurons"].tolist() == [0, 0]
    assert counts["widths"].shape == (2, 0)
    assert counts["parameters"].tolist() == [12, 12]


def test_drop_neuron_counts_the_smaller_side_and_not_the_intersection() -> None:
    graph = mlp(20, 5, 1)
    params = ones(graph, lanes=2)
    params["0.weight"][1] = 0
    params["0.weight"][1, :2, :2] = 1  # 2 inputs, rows 0 and 1
    params["2.weight"][1] = 0
    params["2.weight"][1, :, 4] = 1  # column 4: no unit is on both sides, the paper still counts one
    assert cost.drop_neuron_units(graph, params).tolist() == [26, 2 + 1 + 1]
    assert cost.drop_neuron_compression(graph, params).tolist() == [1.0, 105 / 5]
    assert cost.nonzero_weights(graph, params).tolist() == [105, 5]


def test_drop_neuron_counts_fully_connected_layers_only() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(8, 3), nn.ReLU(), nn.Linear(3, 2))
    graph = trace(module, torch.zeros(1, 1, 2, 2))
    assert cost.drop_neuron_units(graph, ones(graph)).tolist() == [13]
    with pytest.raises(ValueError, match="follow one another"):
        conv = trace(nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten()), torch.zeros(1, 1, 2, 2))
        cost.drop_neuron_units(conv, ones(conv))


def test_compression_without_a_weight_left_is_infinite() -> None:
    graph = mlp(3, 2, 1)
    params = {name: torch.zeros_like(p) for name, p in ones(graph).items()}
    assert cost.drop_neuron_compression(graph, params).tolist() == [float("inf")]


def test_dwork_counts_output_units_and_biases() -> None:
    graph = mlp(4, 3, 2)
    params = ones(graph)
    params["0.weight"][:, :2] = 0
    params["0.bias"][:, :1] = 0  # unit 0 is gone, unit 1 still has its bias
    params["2.weight"][:, 1] = 0
    params["2.bias"][:, 1] = 0
    assert cost.dwork_units(graph, params).tolist() == [2 + 1]


def test_npn_weights_of_its_published_networks() -> None:
    graph = caffe()
    params = ones(graph, lanes=2)
    gates = {"0": 7, "3": 9, "7": 109, "9": 30}
    for name, active in gates.items():
        weight = params[f"{name}.weight"]
        if weight.dim() == 5:
            weight[1, active:] = 0
        else:
            weight[1, :, active:] = 0
    dense = 25 * 20 + 25 * 20 * 50 + 800 * 500 + 10 * 500
    assert cost.npn_weights(graph, params).tolist() == [dense, 5320]


def test_npn_weights_of_moons() -> None:
    graph = mlp(100, 80, 2)
    params = ones(graph, lanes=2)
    params["0.weight"][1, :, 40:] = 0
    params["2.weight"][1, :, 30:] = 0
    assert cost.npn_weights(graph, params).tolist() == [8160, 40 * 30 + 30 * 2]
