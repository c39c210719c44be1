"""Networks of the transformers library, by name."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn

from trainables import models
from trainables.compaction import compact
from trainables.groups import trace
from trainables.models.outputs import only

pytest.importorskip("transformers")

VIT = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "patch_size": 4,
}


def vit() -> nn.Module:
    torch.manual_seed(0)
    return models.build("transformers:ViTForImageClassification", (1, 8, 8), 10, **VIT).eval()


def test_a_transformer_by_its_name_takes_the_shape_of_the_data() -> None:
    assert vit()(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


@pytest.mark.parametrize(
    ("name", "keys", "message"),
    [
        ("transformers:ViTForImageClasification", {}, "did you mean 'transformers:ViTForImageClassification'"),
        ("transformers:ViTForImageClassification", {"hidden_sise": 3}, "did you mean 'hidden_size'"),
        ("transformers:ViTForImageClassification", {"hidden_act": "none"}, "cannot be built with"),
    ],
)
def test_mistakes_are_named(name: str, keys: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        models.build(name, (1, 8, 8), 10, **keys)


def test_heads_and_feed_forward_units_of_a_vit_go_and_its_outputs_stay() -> None:
    module = vit().double()
    graph = trace(vit(), torch.zeros(1, 1, 8, 8))
    assert {layer.what for layer in graph.hidden} == {"heads", "units"}
    assert {layer.count for layer in graph.hidden if layer.what == "heads"} == {4}
    with torch.no_grad():
        for members in graph.ties:
            if members[0].hidden:
                for layer in members:
                    gone = layer.ungrouped(torch.arange(layer.count).unsqueeze(0) % 2 == 1)[0]
                    for name in layer.rows:
                        module.get_parameter(name)[gone] = 0
    small = compact.compact(module, graph).module
    for layer in graph.hidden:
        assert small.get_submodule(layer.name).out_features == layer.units // 2
    x = torch.randn(3, 1, 8, 8, dtype=torch.float64)
    assert compact.check(module, small, x).max_abs_difference < 1e-12


def test_which_tensor_of_an_output_is_taken() -> None:
    one, other = torch.zeros(1), torch.ones(1)
    assert only(one) is one
    assert only((one, other)) is one
    assert only({"hidden": other, "logits": one}) is one
    assert only(OrderedDict(features=[other, one])) is other
    with pytest.raises(ValueError, match="expected a network to give a tensor"):
        only({"loss": 3})
