"""The dimensions inside the heads of attentions: found, cut apart from each other, with the softmax as it was."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.trainables.compaction.networks import Attention, RMSNorm, Text, Transformer
from trainables.compaction import compact, cost
from trainables.groups import Graph, group_size, joint, liveness, remove_groups, trace
from trainables.groups.surgery import Inner
from trainables.models.attention import with_layers


class Encoder(nn.Module):
    """torch's own."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True, dropout=0.0)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.block(x).mean(1))
        return out


class Rotated(nn.Module):
    """Positions are told by rotating q and k, two heads share keys and values; norms inside of heads, across all of
    them, or none."""

    def __init__(self, normed: bool = False, across: bool = False) -> None:
        super().__init__()
        self.across = nn.ModuleList(RMSNorm(width) if across else nn.Identity() for width in (16, 8))
        self.q, self.k, self.v, self.out = nn.Linear(8, 16), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(16, 8)
        self.inner = nn.LayerNorm(4) if normed else nn.Identity()
        self.register_buffer("speeds", torch.tensor([1.0, 0.1]))
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        units = self.across[0](self.q(x)), self.across[1](self.k(x)), self.v(x)
        q, k, v = (y.view(*x.shape[:2], -1, 4).transpose(1, 2) for y in units)
        angles = torch.arange(x.shape[1], device=x.device)[:, None] * self.speeds
        cos, sin = (f(torch.cat((angles, angles), -1)) for f in (torch.cos, torch.sin))
        q, k = (y * cos + torch.cat((-y[..., 2:], y[..., :2]), -1) * sin for y in (self.inner(q), self.inner(k)))
        k, v = (y[:, :, None].expand(-1, -1, 2, -1, -1).flatten(1, 2) for y in (k, v))
        y = nn.functional.softmax(q @ k.mT / 2, -1) @ v
        out: Tensor = self.head(x + self.out(y.transpose(1, 2).flatten(2)))
        return out.mean(1)


TOKENS = torch.arange(18).view(3, 6) % 11
ROWS: dict[str, tuple[Callable[[], nn.Module], Tensor]] = {
    **{how: (lambda how=how: Attention(how), torch.randn(3, 5, 8)) for how in ("separate", "fused", "interleaved")},
    "normed": (Transformer, torch.randn(3, 4, 6)),
    "text": (Text, TOKENS),
    "torch": (lambda: with_layers(Encoder()), torch.randn(3, 4, 8)),
    "rotated": (Rotated, torch.randn(3, 4, 8)),
    "normed across heads": (lambda: Rotated(across=True), torch.randn(3, 4, 8)),
}


def made(name: str) -> tuple[nn.Module, Tensor, Graph]:
    """In float64, with biases that are not zero."""
    make, x = ROWS[name]
    torch.manual_seed(0)
    module = make().eval()
    graph = trace(module, x[:1])
    module = module.double().requires_grad_(False)
    for parameter in module.parameters():
        if parameter.dim() == 1:
            parameter.normal_(std=0.5)
    return module, x.double() if x.is_floating_point() else x, graph


def stacked(module: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.unsqueeze(0) for name, parameter in module.named_parameters()}


@pytest.mark.parametrize("name", ROWS)
def test_any_dimensions_go_and_the_outputs_stay(name: str) -> None:
    module, x, graph = made(name)
    generator = torch.Generator().manual_seed(1)
    for heads, whole in ((0.0, True), (0.5, True), (0.0, False), (0.0, True)):
        sparse = copy.deepcopy(module)
        params = stacked(sparse)
        for members in graph.ties:
            if members[0].hidden:
                remove_groups(params, members, torch.rand(1, members[0].count, generator=generator) < heads)
        for members in graph.dimensions:
            gone = torch.rand(1, members[0].count, generator=generator) < 0.5
            gone[:, -1] = False
            for layer in members:
                # One factor is enough, of q here; what is left of the other one goes with it.
                mask = layer.ungrouped(gone) & (torch.ones(1, 1, dtype=torch.bool) if whole else layer.factor <= 0)
                for row in layer.rows:
                    params[row][mask] = 0
        small = compact.compact(sparse, graph).module
        assert compact.check(sparse, small, x).max_abs_difference < 1e-12
        counts = cost.count(graph, liveness(graph, params, {n: b[None] for n, b in sparse.named_buffers()}))
        assert int(counts["parameters"]) == sum(p.numel() for p in small.parameters())
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            small(x[:1])
        assert int(counts["flops"]) == counter.get_total_flops()
        assert int(counts["parameters"]) < sum(p.numel() for p in module.parameters())


def views(graph: Graph) -> dict[tuple[str, ...], int]:
    return {tuple(layer.name for layer in members): members[0].count for members in graph.dimensions}


def test_q_goes_with_k_and_v_by_itself() -> None:
    assert views(made("separate")[2]) == {("q", "k"): 12, ("v",): 12}
    assert views(made("fused")[2]) == {("qkv",): 24}
    # Rotation takes two numbers of q and k together, two heads of q share a head of k.
    assert views(made("rotated")[2]) == {("q", "k"): 4, ("v",): 8}


def test_a_head_without_some_dimensions_is_scaled_as_it_was() -> None:
    module, x, graph = made("normed")
    params = stacked(module)
    for members in graph.dimensions:
        remove_groups(params, members, torch.arange(8).unsqueeze(0) == 1)
    small = compact.compact(module, graph).module
    attention = small.get_submodule("attention")
    assert attention.get_parameter("q.weight").shape == attention.get_parameter("v.weight").shape == (7, 8)
    assert attention.get_parameter("out.weight").shape == (8, 7)
    assert all(isinstance(attention.get_submodule(name), Inner) for name in ("q", "k", "v", "out"))
    assert attention.head_dim == 4
    assert compact.check(module, small, x).max_abs_difference < 1e-12


def test_what_v_gives_the_same_for_all_tokens_becomes_a_bias() -> None:
    module, x, graph = made("normed")
    module.get_parameter("attention.v.weight")[2] = 0
    done = compact.compact(module, graph)
    assert done.folded["attention.v"] == (2,)
    assert compact.check(module, done.module, x).max_abs_difference < 1e-12


def test_norms_inside_of_heads_keep_q_and_k_whole() -> None:
    graph = trace(Rotated(normed=True).eval(), torch.randn(1, 4, 8))
    assert views(graph) == {("v",): 8}
    assert graph.layer("q").rigid == "its dimensions are not multiplied in pairs or read one by one"
    assert {layer.what for layer in graph.hidden} == {"heads"}


def test_norms_across_heads_leave_what_they_read_and_what_v_gives() -> None:
    module, x, graph = made("normed across heads")
    assert views(graph) == {("v",): 8}
    params = stacked(module)
    assert all(bool(units.all()) for units in liveness(graph, params).units.values()), "nothing is zero"
    params["v.weight"][:, :4] = params["v.bias"][:, :4] = 0
    small = compact.compact(module, graph).module
    assert small.get_parameter("q.weight").shape == (16, 8), "the norm's mean is over both heads"
    assert small.get_parameter("v.weight").shape == (4, 8) and small.get_parameter("out.weight").shape == (8, 8)
    assert compact.check(module, small, x).max_abs_difference < 1e-12


def test_everything_dead_leaves_a_network_that_runs() -> None:
    for name in ROWS:
        module, x, graph = made(name)
        params = stacked(module)
        for members in graph.dimensions:
            remove_groups(params, members, torch.ones(1, members[0].count, dtype=torch.bool))
        small = compact.compact(module, graph).module
        assert all(p.numel() for p in small.parameters())
        assert compact.check(module, small, x).max_abs_difference < 1e-12


def test_methods_see_dimensions_before_their_heads_and_only_where_they_may() -> None:
    graph = made("separate")[2]

    def kinds(*allowed: str) -> list[tuple[str, ...]]:
        sets = replace(graph, kinds=allowed).sets
        return [(members[0].what, *(layer.name for layer in members)) for members in sets if members[0].hidden]

    heads = ("heads", "q", "k", "v")
    inside = [("dimensions", "q", "k"), ("dimensions", "v")]
    assert kinds("heads") == [heads]
    assert kinds("dimensions") == inside
    assert kinds("heads", "dimensions") == [*inside, heads]
    for members in graph.dimensions:
        assert joint(members) and group_size(members) == sum(layer.size for layer in members)
