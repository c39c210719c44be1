"""nn.MultiheadAttention with its projections as layers computes what torch's does."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.trainables.compaction.networks import halved
from trainables.compaction import compact
from trainables.groups import trace
from trainables.models import fit_weights
from trainables.models.attention import Attention, with_layers
from trainables.training.dropout import own_noise


def scrambled(module: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(std=0.3)
    return module.double().eval()


KEYS = {"kdim": 5, "vdim": 3}


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({}, {}),
        ({"batch_first": True}, {"average_attn_weights": False}),
        ({"batch_first": True, "bias": False}, {"need_weights": False}),
        ({"batch_first": True, **KEYS}, {}),
        ({"batch_first": True}, {"key_padding_mask": torch.tensor([[False, False, True, True, False]] * 2)}),
        ({"batch_first": True}, {"attn_mask": torch.randn(4, 5, dtype=torch.float64)}),
        ({}, {"attn_mask": torch.eye(4, 5).bool().expand(2 * 2, 4, 5)}),
    ],
)
def test_outputs_and_weights_are_torchs(options: dict[str, Any], arguments: dict[str, Any]) -> None:
    given = scrambled(nn.MultiheadAttention(8, 2, **options))
    assert isinstance(given, nn.MultiheadAttention)
    own = Attention(given)
    sizes = (8, given.kdim, given.vdim)
    inputs = [torch.randn(2, n, size, dtype=torch.float64) for n, size in zip((4, 5, 5), sizes, strict=True)]
    if not given.batch_first:
        inputs = [x.transpose(0, 1) for x in inputs]
    for one, other in zip(given(*inputs, **arguments), own(*inputs, **arguments), strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other)


def test_one_example_without_a_batch() -> None:
    given = scrambled(nn.MultiheadAttention(8, 2))
    assert isinstance(given, nn.MultiheadAttention)
    x = torch.randn(4, 8, dtype=torch.float64)
    mask = torch.ones(4, 4, dtype=torch.bool).triu(1)
    for one, other in zip(
        given(x, x, x, attn_mask=mask), Attention(given)(x, x, x, attn_mask=mask, is_causal=True), strict=True
    ):
        torch.testing.assert_close(one, other)


class Encoder(nn.Module):
    def __init__(self, layers: int = 0) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 4, 24, dropout=0.0, batch_first=True)
        self.embed, self.out = nn.Linear(8, 16), nn.Linear(16, 3)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False) if layers else layer

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.encoder(self.embed(x)).mean(1))


@pytest.mark.parametrize("layers", [0, 2])
def test_heads_units_and_stream_of_torchs_encoder_go(layers: int) -> None:
    whole = scrambled(Encoder(layers))
    x = torch.randn(3, 6, 8, dtype=torch.float64)
    before = whole(x)
    module = with_layers(copy.deepcopy(whole))
    torch.testing.assert_close(module(x), before)
    graph = trace(with_layers(Encoder(layers)).eval(), torch.zeros(1, 6, 8))
    assert not graph.whole
    assert {layer.what: layer.count for layer in graph.hidden} == {"stream": 16, "heads": 4, "units": 24}
    small = halved(module, graph)
    assert compact.check(module, small, x).max_abs_difference < 1e-12
    assert sum(p.numel() for p in small.parameters()) < 0.4 * sum(p.numel() for p in whole.parameters())


def test_weights_of_a_fused_projection_start_the_layers(tmp_path: Path) -> None:
    whole = scrambled(Encoder(1)).float()
    torch.save(whole.state_dict(), tmp_path / "whole.pt")
    network = with_layers(Encoder(1)).eval()
    fit_weights(network, str(tmp_path / "whole.pt"), ()).put(network)
    x = torch.randn(3, 6, 8)
    torch.testing.assert_close(network(x), whole(x))


def test_dropout_of_attention_is_a_module() -> None:
    drop = with_layers(nn.Sequential(nn.MultiheadAttention(8, 2, dropout=0.25))).get_submodule("0.drop")
    assert isinstance(drop, nn.Dropout) and drop.p == 0.25


def test_attention_to_numbers_of_its_own_stays_torchs() -> None:
    network = with_layers(nn.Sequential(nn.MultiheadAttention(8, 2, dropout=0.25, add_bias_kv=True)))
    assert own_noise(network) == [
        "0 (nn.MultiheadAttention) drops out inside: set 0.dropout to 0 (nn.Dropout modules stay as they are)"
    ]
