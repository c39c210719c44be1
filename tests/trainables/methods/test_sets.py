"""Groups of several layers' rows: heads, gated units, channels tied by skip connections."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from trainables.groups import Graph, Layer
from trainables.methods import Setting, method_class
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


def test_heads_go_as_one_group_and_the_outputs_stay() -> None:
    (row,) = trained("magnitude", VIT, [{"sparsity": 0.5, "scope": "layerwise"}])
    graph = problem(IMAGES, VIT, 0).graph
    widths = dict(zip([layer.name for layer in graph.layers if not layer.output], row["widths"], strict=True))
    for layer in graph.hidden:
        assert widths[layer.name] == layer.units // 2
    assert row["status"] == "COMPLETE"


def pruned(graph: Graph) -> tuple[Layer, ...]:
    return method_class("magnitude")(graph, Setting(100, 10, 1, 1)).layers


def test_a_study_says_which_kinds_of_groups_may_go() -> None:
    assert {layer.what for layer in pruned(problem(IMAGES, VIT, 0).graph)} == {"heads", "units"}
    assert {layer.what for layer in pruned(problem(IMAGES, VIT | {"groups": ["heads"]}, 0).graph)} == {"heads"}
    with pytest.raises(ValueError, match="did you mean 'heads'"):
        problem(IMAGES, VIT | {"groups": ["head"]}, 0)


def test_channels_tied_by_skips_go_where_they_may() -> None:
    model = {"name": "resnet", "depth": 8, "widths": [4, 6, 8]}
    kept = problem(IMAGES, model, 0).graph
    free = problem(IMAGES, model | {"groups": ["units", "channels"]}, 0).graph
    assert not any(layer.tied for members in kept.sets for layer in members)
    assert any(len(members) > 1 for members in free.sets)
    (row,) = trained("random", model | {"groups": ["channels"]}, [{"sparsity": 0.5, "scope": "layerwise"}])
    assert row["status"] == "COMPLETE"
    assert row["parameters"] < row["dense_parameters"]
    assert torch.isfinite(torch.tensor(row["val_loss"]))
