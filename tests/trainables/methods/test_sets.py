"""Groups of several layers' rows: heads, gated units, channels tied by skip connections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from trainables import own_code
from trainables.groups import Graph, Layer, liveness, trace
from trainables.methods import Clock, Setting, method_class, stack_knobs
from trainables.problem import problem
from trainables.recipe import Recipe
from trainables.training import Job, Pack, Trial

pytest.importorskip("transformers")

VIT = {
    "name": "transformers:ViTForImageClassification",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "patch_size": 4,
}
IMAGES = {"name": "digits", "image": True}


def trained(
    method: str, model: dict[str, Any], parameters: list[dict[str, Any]], epochs: int = 2
) -> list[dict[str, Any]]:
    trials = tuple(Trial(f"t{i}", i, 0, p) for i, p in enumerate(parameters))
    pack = Pack(Job(method, IMAGES, model, Recipe(epochs=2, polish=1), trials, vectorize="on"))
    while not pack.done:
        pack.train_epoch()
    return pack.trial_rows()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("group_lasso", {"lambda": 0.3}),
        ("sparse_group_lasso", {"lambda": 0.3}),
        ("exclusive_group", {"lambda": 0.01}),
        ("drop_neuron", {"dn": 0.01}),
        ("npn", {"lambda": 0.1}),
        ("magnitude", {"sparsity": 0.5}),
        ("random", {"sparsity": 0.5}),
        ("dense", {}),
    ],
)
def test_every_method_trains_a_vit_to_an_equivalent_smaller_one(method: str, parameters: dict[str, float]) -> None:
    rows = trained(method, VIT, [parameters | {"lr": 1e-2}, {"lr": 1e-2}])
    for row in rows:
        assert (row["status"], row["reason"]) == ("COMPLETE", None)
        assert row["max_abs_difference"] < 1e-4


@pytest.mark.slow
def test_the_width_of_the_stream_goes_where_it_is_asked_for() -> None:
    model = VIT | {"groups": ["units", "heads", "stream"]}
    graph = problem(IMAGES, model, 0).graph
    assert {layer.what for layer in pruned(graph)} == {"heads", "units", "stream"}
    (row,) = trained("magnitude", model, [{"sparsity": 0.5, "scope": "layerwise"}])
    widths = dict(zip([layer.name for layer in graph.layers if not layer.output], row["widths"], strict=True))
    assert all(widths[layer.name] == layer.units // 2 for layer in graph.hidden)
    dead, alive = trained("group_lasso", model, [{"lambda": 10.0, "lr": 1e-2}, {"lambda": 1e-6, "lr": 1e-2}])
    assert dead["parameters"] < alive["parameters"] == alive["dense_parameters"]
    assert {row["status"] for row in (row, dead, alive)} == {"COMPLETE"}


def test_heads_go_as_one_group_and_the_outputs_stay() -> None:
    (row,) = trained("magnitude", VIT, [{"sparsity": 0.5, "scope": "layerwise"}])
    graph = problem(IMAGES, VIT, 0).graph
    widths = dict(zip([layer.name for layer in graph.layers if not layer.output], row["widths"], strict=True))
    for layer in graph.hidden:
        assert widths[layer.name] == (layer.units if layer.what == "stream" else layer.units // 2)
    assert (row["heads"], row["dense_heads"]) == (4, 8)
    assert row["status"] == "COMPLETE"


def test_dimensions_of_heads_go_where_they_may() -> None:
    model = VIT | {"groups": ["dimensions"]}
    (row,) = trained("magnitude", model, [{"sparsity": 0.5, "scope": "layerwise"}])
    graph = problem(IMAGES, model, 0).graph
    widths = dict(zip([layer.name for layer in graph.layers if not layer.output], row["widths"], strict=True))
    for members in graph.dimensions:
        assert all(widths[layer.name] == layer.units // 2 for layer in members)
    assert (row["heads"], row["status"]) == (row["dense_heads"], "COMPLETE")
    assert row["max_abs_difference"] < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("method", ["group_lasso", "random"])
def test_dimensions_go_beside_their_heads(method: str) -> None:
    model = VIT | {"groups": ["units", "heads", "dimensions"]}
    strong, weak = (
        [{"sparsity": 0.5}, {"sparsity": 0.0}] if method == "random" else [{"lambda": 0.3, "lr": 1e-2}, {"lambda": 0.0}]
    )
    small, whole = trained(method, model, [strong, weak])
    assert small["status"] == whole["status"] == "COMPLETE"
    assert small["max_abs_difference"] < 1e-4
    assert small["parameters"] < whole["parameters"] == whole["dense_parameters"]


def pruned(graph: Graph) -> tuple[Layer, ...]:
    return method_class("magnitude")(graph, Setting(100, 10, 1, 1)).layers


def test_a_study_says_which_kinds_of_groups_may_go() -> None:
    assert {layer.what for layer in pruned(problem(IMAGES, VIT, 0).graph)} == {"heads", "units"}
    assert {layer.what for layer in pruned(problem(IMAGES, VIT | {"groups": ["heads"]}, 0).graph)} == {"heads"}
    with pytest.raises(ValueError, match="did you mean 'heads'"):
        problem(IMAGES, VIT | {"groups": ["head"]}, 0)


RESNET = {"name": "resnet", "depth": 8, "widths": [4, 6, 8]}


def residual(row: dict[str, Any]) -> list[int]:
    """The widths of the three streams that skip connections add up."""
    graph = problem(IMAGES, RESNET, 0).graph
    widths = dict(zip([layer.name for layer in graph.layers if not layer.output], row["widths"], strict=True))
    by_tie = {layer.tie: widths[layer.name] for layer in graph.layers if layer.what == "channels"}
    assert all(widths[layer.name] == by_tie[layer.tie] for layer in graph.layers if layer.tie in by_tie)
    return list(by_tie.values())


@pytest.mark.parametrize(
    ("method", "strong"),
    [
        ("group_lasso", {"lambda": 1.0}),
        ("sparse_group_lasso", {"lambda": 1.0}),
        ("magnitude", {"sparsity": 0.5, "scope": "layerwise"}),
        ("random", {"sparsity": 0.5, "scope": "layerwise"}),
    ],
)
def test_channels_tied_by_skips_go_unless_a_study_says_otherwise(method: str, strong: dict[str, Any]) -> None:
    (row,) = trained(method, RESNET, [strong | {"lr": 0.05}])
    assert (row["status"], row["reason"]) == ("COMPLETE", None)
    assert all(width < whole for width, whole in zip(residual(row), (4, 6, 8), strict=True))
    assert row["max_abs_difference"] < 1e-4 and row["parameters"] < row["dense_parameters"] / 2
    if "sparsity" in strong:
        assert residual(row) == [2, 3, 4]
        (kept,) = trained(method, RESNET | {"groups": ["units"]}, [strong | {"lr": 0.05}])
        assert (kept["status"], residual(kept)) == ("COMPLETE", [4, 6, 8])
        assert kept["neurons"] < kept["dense_neurons"]


def test_npn_gates_no_channel_that_is_tied() -> None:
    """As published, whatever may go."""
    graph = problem(IMAGES, RESNET, 0).graph
    gated = {layer.name for layer in method_class("npn")(graph, Setting(100, 10, 1, 1)).layers}
    assert gated == {"conv", "stage1_block1.conv1", "stage2_block1.conv1", "stage3_block1.conv1", "output"}


class Separable(nn.Module):
    """Each channel of the first convolution is filtered by itself in the second."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, 8, 3, padding=1, bias=False)
        self.depth = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.point = nn.Conv2d(8, 6, 1)
        self.output = nn.Linear(6, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.point(torch.relu(self.depth(torch.relu(self.first(x))))))
        found: torch.Tensor = self.output(x.mean((2, 3)))
        return found


def test_a_channel_and_its_depthwise_filter_are_one_group() -> None:
    """Half of the sets are half of the units: two rankings would take three quarters."""
    network = Separable(1, 10).eval()
    graph = trace(network, torch.zeros(1, 1, 8, 8))
    assert [[layer.name for layer in members] for members in graph.sets] == [["first", "depth"], ["point"], ["output"]]
    params = {name: p.detach()[None].clone() for name, p in network.named_parameters()}
    method = method_class("magnitude")(graph, Setting(100, 10, 1, 1))
    knobs = stack_knobs(method.declaration, [{"sparsity": 0.5, "scope": "layerwise"}], len(method.layers))
    with torch.no_grad():
        method.finish(params, method.init(params, knobs, torch.zeros(1, dtype=torch.int64)), knobs)
    alive = liveness(graph, params)
    assert [int(alive[name].sum()) for name in ("first", "depth", "point")] == [4, 4, 3]


def test_cges_groups_of_a_grouped_convolution_are_those_of_its_groups() -> None:
    """A tap is read by the filters of its own group only: two groups of the prox, not one."""
    network = nn.Sequential(nn.Conv2d(4, 6, 1, groups=2, bias=False), nn.Flatten(), nn.Linear(6, 2)).eval()
    method = method_class("exclusive_group")(trace(network, torch.zeros(1, 4, 1, 1)), Setting(100, 10, 1, 1))
    knobs = stack_knobs(method.declaration, [{"lambda": 1.0, "m": 0.0, "exclusive_scale": 0.0}], len(method.layers))
    params = {name: p.detach()[None].clone() for name, p in network.named_parameters()}
    weight = params["0.weight"].clone()
    weight[0, :3] *= 10  # of the first group of filters
    params["0.weight"].copy_(weight)
    with torch.no_grad():
        state = method.init(params, knobs, torch.zeros(1, dtype=torch.int64))
        method.after_step(params, state, knobs, Clock(0, 0, torch.tensor([0.3])))
    expected = weight[0, :, :, 0, 0].clone()
    for rows in (slice(0, 3), slice(3, 6)):
        for column in range(2):
            group = expected[rows, column]
            expected[rows, column] = group * max(0.0, 1 - 0.3 / float(group.norm()))
    torch.testing.assert_close(params["0.weight"][0, :, :, 0, 0], expected)


def test_cges_takes_channels_out_of_a_resnet() -> None:
    """Its groups are inputs: convolutions whose outputs a skip connection adds to others' are regularised, too."""
    graph = problem(IMAGES, RESNET, 0).graph
    method = method_class("exclusive_group")(graph, Setting(100, 10, 1, 1))
    assert method.layers == graph.layers
    strong = {"lambda": 10.0, "m": 0.0, "lr": 0.02}
    (row,) = trained("exclusive_group", RESNET, [strong])
    assert (row["status"], row["reason"]) == ("COMPLETE", None)
    assert row["neurons"] < row["dense_neurons"]
    assert all(width < whole for width, whole in zip(residual(row), (4, 6, 8), strict=True))
    assert row["max_abs_difference"] < 1e-4


SHARED = """
from torch import nn

class Shared(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.a, self.b, self.out = nn.Linear(64, 12), nn.Linear(64, 12), nn.Linear(8, 10)
        self.one = nn.Linear(12, 8)
        self.other = self.one if layer else nn.Linear(12, 8)
        self.other.weight = self.one.weight

    def forward(self, x):
        return self.out(self.one(self.a(x).relu()).relu() * self.other(self.b(x).relu()))
"""


@pytest.mark.parametrize("layer", [True, False])
def test_networks_with_shared_layers_are_trained_and_cut(
    layer: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One layer of two names is cut; units of two layers of one weight stay, with a reason, and nothing is raised."""
    (tmp_path / "shared_layers.py").write_text(SHARED)
    monkeypatch.syspath_prepend(tmp_path)
    own_code.trust("shared_layers")
    trials = tuple(Trial(f"t{i}", i, 0, {"sparsity": 0.5}) for i in range(2))
    model = {"name": "shared_layers:Shared", "layer": layer}
    pack = Pack(Job("random", {"name": "digits"}, model, Recipe(epochs=2, polish=1), trials, vectorize="on"))
    while not pack.done:
        pack.train_epoch()
    for row in pack.trial_rows():
        assert (row["status"], row["reason"]) == ("COMPLETE", None)
        assert (row["parameters"] < row["dense_parameters"]) == layer
        assert row["max_abs_difference"] < 1e-5
