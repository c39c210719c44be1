"""Channels that are added and normed together: found, removed whole, computed with as before."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.trainables.compaction.networks import ChannelsFirst, ConvNext, ResponseNorm, RMSNorm, Text, Transformer
from trainables.compaction import compact, cost
from trainables.groups import Graph, group_size, group_squares, liveness, remove_groups, scale_groups, trace
from trainables.groups.mixing import narrowed, recognised

IMAGES, TOKENS = (2, 6, 3, 4), (2, 5, 6)


def scrambled(module: nn.Module) -> nn.Module:
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_()
    return module.double().eval()


@pytest.mark.parametrize(
    ("module", "shape", "form", "axis"),
    [
        (nn.LayerNorm(6), TOKENS, "layer", -1),
        (nn.LayerNorm(6, eps=1e-12, bias=False), TOKENS, "layer", -1),
        (ChannelsFirst(6), IMAGES, "layer", 1),
        (nn.GroupNorm(1, 6), IMAGES, "group", 1),
        (nn.RMSNorm(6, eps=1e-5), TOKENS, "rms", -1),
        (RMSNorm(6, torch.float32), TOKENS, "rms", -1),
        (ResponseNorm(4), IMAGES, "response", -1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_norms_are_known_by_what_they_compute_and_go_on_without_zeros(
    module: nn.Module, shape: tuple[int, ...], form: str, axis: int
) -> None:
    module = scrambled(module)
    mixing = recognised(module, shape)
    assert mixing is not None and (mixing.form, mixing.axis) == (form, axis)
    x = torch.randn(3, *shape[1:], dtype=torch.float64)
    kept = torch.arange(shape[axis]) % 3 != 1
    x.movedim(axis, 0)[~kept] = 0
    small = narrowed(module, mixing, kept)
    exact = 1e-6 if getattr(module, "dtype", None) else 1e-12
    expected = module(x).movedim(axis, 0)[kept]
    assert torch.allclose(small(x.movedim(axis, 0)[kept].movedim(0, axis)).movedim(axis, 0), expected, 0, exact)


@pytest.mark.parametrize(
    "module", [nn.Linear(6, 6), nn.PReLU(6), nn.Softmax(-1), nn.GroupNorm(2, 6), nn.BatchNorm1d(6)], ids=repr
)
def test_other_modules_are_none(module: nn.Module) -> None:
    from trainables.groups.mixing import candidate

    assert not candidate(module) or recognised(module, TOKENS) is None


def kinds(graph: Graph) -> dict[str, int]:
    found: dict[str, int] = {}
    for members in graph.ties:
        if members[0].hidden:
            found[members[0].what] = found.get(members[0].what, 0) + members[0].count
    return found


def test_what_goes_together_is_named() -> None:
    assert kinds(trace(Transformer().eval(), torch.zeros(1, 4, 6))) == {"stream": 8, "heads": 2, "units": 7}
    assert kinds(trace(ConvNext().eval(), torch.zeros(1, 2, 4, 4))) == {"stream": 6, "units": 9 + 5}
    assert kinds(trace(Text().eval(), torch.zeros(1, 6, dtype=torch.int64))) == {"stream": 8, "heads": 2, "units": 5}


@pytest.mark.parametrize("norm", [nn.LayerNorm, RMSNorm, partial(RMSNorm, dtype=torch.float32)])
def test_the_stream_of_a_text_network_goes_with_its_tables(norm: type[nn.Module]) -> None:
    graph = trace(Text(norm).eval(), torch.zeros(1, 6, dtype=torch.int64))
    module = scrambled(Text(norm))
    params = {name: parameter.detach().unsqueeze(0) for name, parameter in module.named_parameters()}
    (members,) = [members for members in graph.ties if members[0].what == "stream"]
    with torch.no_grad():
        remove_groups(params, members, torch.arange(8).unsqueeze(0) % 2 == 1)
    small = compact.compact(module, graph).module
    x = torch.randint(0, 11, (3, 6), generator=torch.Generator().manual_seed(0))
    exact = 1e-5 if isinstance(norm, partial) else 1e-12  # that one computes in float32
    assert compact.check(module, small, x).max_abs_difference < exact
    assert small.get_parameter("words.weight").shape == (11, 4)
    counts = cost.count(graph, liveness(graph, params))
    assert int(counts["parameters"]) == sum(p.numel() for p in small.parameters())


def test_a_channel_of_the_stream_stays_while_anything_of_it_is_not_zero() -> None:
    graph = trace(Transformer().eval(), torch.zeros(1, 4, 6))
    (members,) = [members for members in graph.ties if members[0].what == "stream"]
    names = {part.name for part in members[0].besides}
    assert names == {"token", "position"} | {f"norm{i}.{what}" for i in (1, 2, 3) for what in ("weight", "bias")}
    for left in (*names, "down.bias", "attention.out.weight"):
        params = {name: torch.ones(1, *p.shape) for name, p in graph.skeleton.named_parameters()}
        remove_groups(params, members, torch.ones(1, 8, dtype=torch.bool))
        assert liveness(graph, params)["patches"].sum() == 1  # a layer never vanishes
        params[left].fill_(1e-30)
        assert bool(liveness(graph, params)["patches"].all())


def test_norms_and_sizes_of_groups_have_all_of_their_parts() -> None:
    graph = trace(Transformer().eval(), torch.zeros(1, 4, 6))
    (members,) = [members for members in graph.ties if members[0].what == "stream"]
    params = {name: torch.ones(1, *p.shape) for name, p in graph.skeleton.named_parameters()}
    sizes = group_squares(params, members)
    # patches 6 + 1, attention 8 + 1, down 7 + 1, token 1, positions 5, three norms of 2
    assert group_size(members) == 7 + 9 + 8 + 1 + 5 + 6
    assert torch.equal(sizes, torch.full((1, 8), float(group_size(members))))
    factors = torch.arange(8.0).unsqueeze(0)
    scale_groups(params, members, factors)
    assert torch.allclose(group_squares(params, members), sizes * factors.square())


class Constant(nn.Module):
    """Numbers that are not learned are added to the stream."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.norm, self.out = nn.Linear(3, 6), nn.Linear(6, 6), nn.LayerNorm(6), nn.Linear(6, 2)
        self.register_buffer("table", torch.randn(6))

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x) + self.table
        return self.out(F.relu(self.norm(x + self.b(x))))


def test_what_cannot_be_zero_stays() -> None:
    graph = trace(Constant().eval(), torch.zeros(1, 3))
    assert set(graph.whole) == {"a", "b"}
