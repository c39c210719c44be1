"""Networks of the transformers library, by name."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

from tests.trainables.compaction.networks import halved
from trainables import models
from trainables.compaction import compact
from trainables.errors import StudyError
from trainables.groups import trace
from trainables.models.outputs import only
from trainables.problem import problem
from trainables.recipe import Recipe
from trainables.training import Job, Pack, Trial

transformers = pytest.importorskip("transformers")

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


def test_heads_units_and_stream_of_a_vit_go_and_its_outputs_stay() -> None:
    module = vit().double()
    graph = trace(vit(), torch.zeros(1, 1, 8, 8))
    assert {layer.what for layer in graph.hidden} == {"heads", "units", "stream"}
    assert {layer.count for layer in graph.hidden if layer.what == "heads"} == {4}
    small = halved(module, graph)
    for layer in graph.hidden:
        assert len(small.get_parameter(layer.weight)) == layer.units // 2
    x = torch.randn(3, 1, 8, 8, dtype=torch.float64)
    assert compact.check(module, small, x).max_abs_difference < 1e-12


def test_linear_layers_that_hold_their_weights_transposed_are_torchs_own() -> None:
    config = transformers.GPT2Config(
        vocab_size=20, n_positions=8, n_embd=8, n_layer=1, n_head=2, num_labels=3, pad_token_id=0
    )
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    network = transformers.GPT2ForSequenceClassification(config).eval()
    x = torch.randint(1, 20, (2, 5))
    before = network(x).logits
    module = models.Plain(network)
    assert torch.allclose(module(x), before, atol=1e-6)
    graph = trace(module, x[:1])
    assert not graph.whole
    assert {layer.what: layer.count for layer in graph.hidden} == {"heads": 2, "units": 32, "stream": 8}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Sequences of 3 to 7 tokens; the class is whether there is a 7 among them."""
    generator = torch.Generator().manual_seed(0)
    rows = [torch.randint(3, 12, (3 + i % 5,), generator=generator).tolist() for i in range(240)]
    file = tmp_path_factory.mktemp("texts") / "texts.parquet"
    pq.write_table(pa.table({"ids": rows, "label": [int(7 in row) for row in rows]}), file)
    return str(file)


BERT = {
    "name": "transformers:BertForSequenceClassification",
    "vocab_size": 12,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}


@pytest.mark.slow
def test_a_network_of_texts_learns_and_is_cut(texts: str) -> None:
    data, trials = {"name": texts, "tokens": "ids"}, [{"lr": 0.01, "sparsity": 0.5}, {"lr": 0.01, "sparsity": 0.0}]
    model = BERT | {"groups": ["units", "heads", "stream"]}
    lanes = tuple(Trial(f"t{i}", i, 0, own) for i, own in enumerate(trials))
    pack = Pack(Job("magnitude", data, model, Recipe(epochs=8, polish=3, batch_size=16), lanes))
    while not pack.done:
        pack.train_epoch()
    small, whole = pack.trial_rows()
    assert small["status"] == whole["status"] == "COMPLETE"
    assert whole["val_accuracy"] > 0.9 and whole["heads"] == 2
    assert small["parameters"] < whole["parameters"] == whole["dense_parameters"]


def test_padding_is_not_attended_to(texts: str) -> None:
    where = problem({"name": texts, "tokens": "ids", "length": 9}, BERT, 0)
    network = where.module(0).eval()
    short, long = torch.tensor([[5.0, 4, 7]]), torch.tensor([[5.0, 4, 7, 0, 0, 0, 0, 0, 0]])
    torch.testing.assert_close(network(short), network(long))
    assert {layer.what for layer in where.graph.hidden} == {"heads", "units", "stream"}


def test_tokens_of_every_split_are_in_the_vocabulary(texts: str, tmp_path: Path) -> None:
    table = pq.read_table(texts)
    rare = [*table["ids"].to_pylist()[:-1], [3, 12]]
    for split, ids in (("train", table["ids"]), ("validation", table["ids"]), ("test", rare)):
        pq.write_table(pa.table({"ids": ids, "label": table["label"]}), tmp_path / f"{split}.parquet")
    with pytest.raises(StudyError, match="expected vocab_size above 12, the largest token of the"):
        problem({"name": str(tmp_path), "tokens": "ids"}, BERT, 0)


@pytest.mark.parametrize(
    ("data", "model", "message"),
    [
        ({"tokens": "ids"}, {"vocab_size": 11}, "expected vocab_size above 11, the largest token of the"),
        ({"name": "digits", "image": True}, {}, r"reads token ids, .* but the data are \(1, 8, 8\)"),
    ],
)
def test_texts_and_networks_that_do_not_fit(
    data: dict[str, Any], model: dict[str, Any], message: str, texts: str
) -> None:
    with pytest.raises(ValueError, match=message):
        problem({"name": texts} | data, BERT | model, 0)


def test_which_tensor_of_an_output_is_taken() -> None:
    one, other = torch.zeros(1), torch.ones(1)
    assert only(one) is one
    assert only((one, other)) is one
    assert only({"hidden": other, "logits": one}) is one
    assert only(OrderedDict(features=[other, one])) is other
    with pytest.raises(ValueError, match="expected a network to give a tensor"):
        only({"loss": 3})
