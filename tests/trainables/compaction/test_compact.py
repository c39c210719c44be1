"""Compaction is exact: the smaller network gives the same outputs, and the counts are its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.trainables.compaction.networks import (
    Attention,
    ConvNext,
    Inverted,
    RMSNorm,
    Shared,
    Standardised,
    Transformer,
)
from trainables import models
from trainables.compaction import compact, cost
from trainables.groups import Graph, everything, liveness, remove_groups, trace


class Residual(nn.Module):
    """Batch norms, skip connections, a projection, zero padding, convolutions without bias."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.a1, self.an1 = nn.Conv2d(4, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5)
        self.a2, self.an2 = nn.Conv2d(5, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.b1, self.b2 = nn.Conv2d(4, 5, 3), nn.Conv2d(5, 6, 1)
        self.skip = nn.Conv2d(4, 6, 3, bias=False)
        self.out = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.stem(x)).relu()
        x = (x + self.an2(self.a2(self.an1(self.a1(x)).relu()))).relu()
        x = (self.skip(x) + self.b2(self.b1(x).sigmoid())).relu()
        return self.out(x.mean((2, 3)))


class Gated(nn.Module):
    """Squeeze and excitation: the units of one layer scale those of another."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3)
        self.squeeze, self.excite = nn.Linear(6, 3), nn.Linear(3, 6)
        self.out = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).relu()
        scale = self.excite(self.squeeze(x.mean((2, 3))).relu()).sigmoid()
        return self.out((x * scale[:, :, None, None]).amax((2, 3)))


class Concatenated(nn.Module):
    """Dense connections: a layer reads the units of several, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(5, 4), nn.Linear(4, 3), nn.Linear(7, 4, bias=False)
        self.out = nn.Linear(11, 2)

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x).tanh()
        b = self.b(a).sigmoid()
        c = self.c(torch.cat((a, b), 1)).relu()
        return self.out(torch.cat((c, a, b), 1))


class Preactivated(nn.Module):
    """The norm acts on a sum, and on a path of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(4, 5), nn.Linear(5, 5, bias=False), nn.Linear(5, 2, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm1d(5), nn.BatchNorm1d(5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        x = x + self.b(self.norm1(x).relu())
        return self.c(self.norm2(x).relu())


@dataclass(frozen=True)
class Row:
    """A network to compact. ``fixed``: layers besides the output's whose units all stay."""

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    fixed: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return self.name


def mlp(activation: nn.Module, bias: bool = True) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(
        nn.Linear(6, 5, bias),
        activation,
        nn.Dropout(),
        nn.Linear(5, 4, bias),
        activation,
        nn.Linear(4, 3, bias),
    )


def convolutions(activation: nn.Module, padding: int, pool: nn.Module) -> Callable[[], nn.Module]:
    side = {0: 1, 1: 2}[padding]
    return lambda: nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=padding),
        activation,
        pool,
        nn.Conv2d(4, 3, 2 if padding == 0 else 3, padding=padding),
        activation,
        pool if padding else nn.Identity(),
        nn.Flatten(),
        nn.Linear(3 * side**2, 4),
        activation,
        nn.Linear(4, 2),
    )


ROWS = [
    *(Row(f"mlp-{type(a).__name__}", mlp(a), (6,)) for a in (nn.ReLU(), nn.Softplus(100), nn.Sigmoid(), nn.Tanh())),
    Row("mlp-without-bias", mlp(nn.Sigmoid(), bias=False), (6,)),
    Row(
        "mlp-batch-norm",
        lambda: nn.Sequential(
            nn.Linear(6, 5, False),
            nn.BatchNorm1d(5),
            nn.ReLU(),
            nn.Linear(5, 4),
            nn.BatchNorm1d(4),
            nn.Linear(4, 3),
        ),
        (6,),
    ),
    Row("conv-average", convolutions(nn.Softplus(), 0, nn.AvgPool2d(2)), (2, 6, 6)),
    Row("conv-padded", convolutions(nn.ReLU(), 1, nn.MaxPool2d(2)), (2, 8, 8)),
    Row("conv-padded-sigmoid", convolutions(nn.Sigmoid(), 1, nn.MaxPool2d(2)), (2, 8, 8)),
    Row(
        "pool-padded",
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.Sigmoid(), nn.AvgPool2d(2, padding=1), nn.Flatten(), nn.Linear(36, 2)
        ),
        (1, 6, 6),
    ),
    Row(
        "pool-padded-convolution",
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.Sigmoid(),
            nn.AvgPool2d(2, padding=1),
            nn.Conv2d(4, 3, 2),
            nn.Flatten(),
            nn.Linear(12, 2),
        ),
        (1, 6, 6),
    ),
    Row(
        "padding-mode-reflect",
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.Sigmoid(),
            nn.Conv2d(4, 3, 3, padding=1, padding_mode="reflect"),
            nn.Flatten(),
            nn.Linear(48, 2),
        ),
        (1, 6, 6),
    ),
    Row(
        "one-dimensional-kernels",
        lambda: nn.Sequential(
            nn.Conv2d(1, 3, (3, 1), padding=(1, 0)),
            nn.ReLU(),
            nn.Conv2d(3, 4, (1, 3)),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(60, 2),
        ),
        (1, 5, 5),
    ),
    Row(
        "conv1d",
        lambda: nn.Sequential(
            nn.Conv1d(2, 4, 3),
            nn.PReLU(4),
            nn.Conv1d(4, 3, 3, stride=2),
            nn.ELU(),
            nn.Flatten(),
            nn.Linear(9, 2),
        ),
        (2, 9),
    ),
    Row(
        "depthwise",
        lambda: nn.Sequential(
            nn.Conv2d(2, 5, 1),
            nn.Hardswish(),
            nn.Conv2d(5, 5, 3, groups=5, bias=False),
            nn.BatchNorm2d(5),
            nn.ReLU6(),
            nn.Conv2d(5, 4, 1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 2),
        ),
        (2, 5, 5),
    ),
    Row(
        "depthwise-padded",
        lambda: nn.Sequential(
            nn.Conv2d(2, 5, 1),
            nn.Sigmoid(),
            nn.Conv2d(5, 5, 3, padding=1, groups=5),
            nn.ReLU(),
            nn.Conv2d(5, 2, 4),
            nn.Flatten(),
        ),
        (2, 4, 4),
    ),
    Row(
        "grouped",
        lambda: nn.Sequential(
            nn.Conv2d(2, 6, 1),
            nn.Sigmoid(),
            nn.Conv2d(6, 4, 3, groups=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16, 2),
        ),
        (2, 4, 4),
    ),
    Row(
        "group-norm",
        lambda: nn.Sequential(
            nn.Conv2d(1, 6, 3),
            nn.GroupNorm(3, 6),
            nn.ReLU(),
            nn.Conv2d(6, 4, 2),
            nn.Flatten(),
            nn.Linear(4, 2),
        ),
        (1, 4, 4),
    ),
    Row(
        "instance-norm",
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.InstanceNorm2d(4, affine=True),
            nn.ReLU(),
            nn.Conv2d(4, 4, 2),
            nn.GroupNorm(4, 4),
            nn.Flatten(),
            nn.Linear(16, 2),
        ),
        (1, 5, 5),
    ),
    Row(
        "tokens",
        lambda: nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3), nn.Sigmoid(), nn.Flatten(), nn.Linear(9, 2)),
        (3, 4),
    ),
    Row(
        "layer-norm",
        lambda: nn.Sequential(nn.Linear(4, 5), nn.LayerNorm(5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)),
        (4,),
    ),
    Row("transformer", Transformer, (4, 6)),
    Row("transformer-normed-after", lambda: Transformer(before=False), (4, 6)),
    Row("transformer-rms", lambda: Transformer(RMSNorm), (4, 6)),
    Row("convnext", ConvNext, (2, 4, 4)),
    *(
        Row(f"attention-{how}", lambda how=how: Attention(how), (5, 8), fixed=("out", "down"))
        for how in ("separate", "fused", "interleaved")
    ),
    *(
        Row(f"used {how}".replace(" ", "-"), lambda how=how: Shared(how), (5,), fixed)
        for how, fixed in {
            "on different inputs": (),
            "with different constants": (),
            "in two places": (),
            "with its norm": (),
            "two names": (),
            "one weight": ("a", "b", "f", "h"),
            "on itself": ("a", "b", "g"),
            "in each block": ("b",),
        }.items()
    ),
    Row("inverted-residual", Inverted, (1, 6, 6)),
    Row(
        "weight-standardised",
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), Standardised(4, 5, 2), nn.ReLU(), nn.Flatten(), nn.Linear(45, 2)
        ),
        (1, 6, 6),
        fixed=("0",),
    ),
    Row("residual", Residual, (2, 6, 6)),
    Row("gated", Gated, (1, 5, 5)),
    Row("concatenated", Concatenated, (5,)),
    Row("preactivated", Preactivated, (4,)),
    *(
        Row(f"zoo-{name}", lambda n=name, o=options, s=shape: models.build(n, s, 3, **o), shape)
        for name, shape, options in (
            ("mlp", (1, 3, 3), {"widths": [6, 5]}),
            ("convnet", (1, 8, 8), {"channels": [3, 4], "batch_norm": True}),
            ("dwork_cnn", (3, 24, 24), {"channels": [3, 4, 3], "widths": [6, 5]}),
            ("resnet", (2, 8, 8), {"depth": 8, "widths": [3, 4, 5]}),
            ("dec3", (1, 9, 9), {"widths": [3, 4], "kernels": [3, 3]}),
            ("dec8", (1, 16, 16), {"width": 4, "narrow": [3], "pools": [1, 2]}),
            ("bnet_c", (1, 16, 16), {"channels": [3, 4, 3]}),
            ("lenet300", (1, 3, 3), {"widths": [6, 5]}),
            ("lenet5", (1, 8, 8), {"channels": [3, 4], "hidden": 6}),
            ("lenet5_caffe", (1, 16, 16), {"channels": [3, 4], "hidden": 6}),
            ("linear_regression", (7,), {}),
            ("moons_mlp", (5,), {"widths": [5, 4]}),
            ("resnet20", (1, 8, 8), {"widths": [2, 3, 4]}),
        )
    ),
    Row("zoo-autoencoder", lambda: models.build("autoencoder", (1, 3, 3), 9, widths=[6, 4, 6]), (1, 3, 3)),
    Row(
        "zoo-resnet-option-a",
        lambda: models.build("resnet", (1, 8, 8), 3, depth=8, widths=[2, 4, 6], shortcut="padding"),
        (1, 8, 8),
        fixed=("conv", "stage1_block1.conv2", "stage2_block1.conv2", "stage3_block1.conv2"),
    ),
]


@cache
def traced(row: Row) -> Graph:
    torch.manual_seed(0)
    return trace(row.make(), torch.randn(1, *row.shape))


def sparsified(row: Row, seed: int, dead: float, silent: float, without_bias: float) -> nn.Module:
    """A network in float64 whose units have lost inputs, outputs or biases with these probabilities."""
    generator = torch.Generator().manual_seed(seed)
    graph = traced(row)
    torch.manual_seed(seed % 2**31)
    module = row.make().double().eval()

    def lost(count: int, probability: float) -> Tensor:
        return torch.rand(count, generator=generator) < probability

    with torch.no_grad():
        for layer in graph.layers:
            weight = module.get_parameter(layer.weight)
            if not layer.output:
                weight[lost(layer.units, dead)] = 0
            weight[:, lost(weight.shape[1], silent)] = 0
            if layer.bias:
                module.get_parameter(layer.bias).normal_(generator=generator)
                module.get_parameter(layer.bias)[lost(layer.units, without_bias)] = 0
        for child in module.modules():
            if isinstance(child, nn.modules.batchnorm._BatchNorm):
                child.weight[lost(len(child.weight), dead)] = 0
                child.bias.normal_(generator=generator)
                child.running_mean.normal_(generator=generator)
                child.running_mean[lost(len(child.bias), without_bias)] = 0
                child.bias[lost(len(child.bias), without_bias)] = 0
                child.running_var.uniform_(0.5, 2, generator=generator)
        params = {name: parameter.unsqueeze(0) for name, parameter in module.named_parameters()}
        for members in graph.ties:
            if members[0].normed:
                remove_groups(params, members, lost(members[0].count, dead).unsqueeze(0))
    return module


def counted(module: nn.Module, x: Tensor) -> dict[str, int]:
    """The counts of a network, by counting."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
        module(x)
    tensors = [*module.parameters(), *module.buffers()]
    return {
        "parameters": sum(p.numel() for p in module.parameters()),
        "flops": counter.get_total_flops(),
        "bytes": sum(t.numel() * t.element_size() for t in tensors),
    }


patterns = st.tuples(
    st.integers(0, 2**31),
    st.sampled_from([0.0, 0.3, 0.7, 1.0]),
    st.sampled_from([0.0, 0.2, 0.6]),
    st.sampled_from([0.0, 0.5, 1.0]),
)


@pytest.mark.parametrize("row", ROWS, ids=repr)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(pattern=patterns)
def test_compact_is_exact_and_counted(row: Row, pattern: tuple[int, float, float, float]) -> None:
    graph, module = traced(row), sparsified(row, *pattern)
    x = torch.randn(5, *row.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(pattern[0]))
    small = compact.compact(module, graph)
    result = compact.check(module, small.module, x)
    with torch.no_grad():
        scale = 1 + float(module(x).abs().max())
    assert result.max_abs_difference <= 1e-11 * scale
    params, buffers = stacked([module])
    alive = liveness(graph, params, buffers)
    counts = cost.count(graph, alive) | cost.footprint(traced_double(row), alive)
    expected = counted(small.module, x[:1])
    assert {name: int(counts[name]) for name in expected} == expected


@cache
def traced_double(row: Row) -> Graph:
    return trace(row.make().double(), torch.randn(1, *row.shape, dtype=torch.float64))


def stacked(modules: list[nn.Module]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    params = [dict(m.named_parameters()) for m in modules]
    buffers = [dict(m.named_buffers()) for m in modules]
    return (
        {name: torch.stack([p[name].detach() for p in params]) for name in params[0]},
        {name: torch.stack([b[name] for b in buffers]) for name in buffers[0]},
    )


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_structure_is_understood(row: Row) -> None:
    graph = traced(row)
    assert tuple(layer.name for layer in graph.layers if layer.fixed and not layer.output) == row.fixed
    counts = cost.count(graph, everything(graph)) | cost.footprint(graph, everything(graph))
    expected = counted(graph.skeleton, graph.example)
    assert {name: int(counts[name]) for name in expected} == expected


@pytest.mark.parametrize("name", sorted(models.MODELS))
def test_every_network_of_the_zoo_has_a_row(name: str) -> None:
    depths = {"resnet32", "resnet44", "resnet56", "resnet110"}
    assert name in depths or any(row.name.startswith(f"zoo-{name}") for row in ROWS)


def row(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


@pytest.mark.parametrize(
    "name", ["mlp-Softplus", "mlp-batch-norm", "conv-average", "residual", "grouped", "group-norm"]
)
def test_all_units_dead_leaves_a_constant_network_of_least_width(name: str) -> None:
    module = sparsified(row(name), 0, dead=1.0, silent=0.0, without_bias=0.0)
    small = compact.compact(module, traced(row(name)))
    x = torch.randn(4, *row(name).shape, dtype=torch.float64)
    assert compact.check(module, small.module, x).max_abs_difference < 1e-12
    if name != "residual":  # whose zero-padded convolutions hold constants that are not zero
        alive = liveness(traced(row(name)), *stacked([module]))
        least = {"grouped": 2, "group-norm": 2}
        widths = cost.count(traced(row(name)), alive)["widths"][0].tolist()
        assert max(widths) <= least.get(name, 1)


def test_none_dead_changes_nothing() -> None:
    module = row("residual").make().eval()
    small = compact.compact(module, traced(row("residual")))
    assert not small.folded
    assert {n: p.shape for n, p in small.module.named_parameters()} == {
        n: p.shape for n, p in module.named_parameters()
    }
    assert compact.check(module, small.module, torch.randn(3, 2, 6, 6)).max_abs_difference == 0


def padded_pair(bias: float) -> nn.Module:
    """A unit that is the constant relu(bias), read by a convolution that pads with zeros."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 3, padding=1), nn.Flatten(), nn.Linear(32, 2))
    with torch.no_grad():
        module[0].weight[1] = 0
        module[0].bias[1] = bias
    return module.eval()


@pytest.mark.parametrize(("bias", "stays"), [(0.7, True), (-0.7, False), (0.0, False)])
def test_a_constant_before_zero_padding_stays_unless_it_is_zero(bias: float, stays: bool) -> None:
    module = padded_pair(bias)
    graph = trace(module, torch.randn(1, 1, 6, 6))
    small = compact.compact(module, graph)
    assert small.kept == ({"0": (1,)} if stays else {})
    assert small.folded == ({} if stays else {"0": (1,)})
    assert small.module[0].out_channels == 3 - (not stays)
    assert compact.check(module, small.module, torch.randn(5, 1, 6, 6)).max_abs_difference < 1e-6


def test_a_layer_without_bias_is_given_one_only_for_constants_that_are_not_zero() -> None:
    for activation, needed in ((nn.Sigmoid(), True), (nn.Tanh(), False)):
        module = nn.Sequential(nn.Linear(4, 3, bias=False), activation, nn.Linear(3, 2, bias=False))
        with torch.no_grad():
            module[0].weight[1] = 0
        graph = trace(module, torch.randn(1, 4))
        small = compact.compact(module, graph)
        assert (small.module[2].bias is not None) == needed
        assert compact.check(module, small.module, torch.randn(9, 4)).max_abs_difference < 1e-6


@pytest.mark.parametrize("name", ["mlp-Sigmoid", "mlp-batch-norm", "conv-average", "mlp-without-bias"])
def test_broken_folding_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sparsified(row(name), 3, dead=0.5, silent=0.0, without_bias=0.0)
    x = torch.randn(20, *row(name).shape, dtype=torch.float64)
    whole = compact.compact(module, traced(row(name)))
    assert whole.folded
    assert compact.check(module, whole.module, x).max_abs_difference < 1e-10
    monkeypatch.setattr(compact, "_fold", lambda *_: None)
    broken = compact.compact(module, traced(row(name)))
    assert compact.check(module, broken.module, x).max_abs_difference > 1e-3


def test_cutting_units_that_live_is_caught() -> None:
    module = row("mlp-ReLU").make().eval()
    graph = traced(row("mlp-ReLU"))
    alive = everything(graph)
    alive.units["0"][0, :3] = False
    small = compact.compact(module, graph, alive)
    assert small.module[0].out_features == 2
    assert compact.check(module, small.module, torch.randn(50, 6)).max_abs_difference > 1e-3


def test_check_compares_and_leaves_modes_alone() -> None:
    one, other = nn.Sequential(nn.Linear(2, 2), nn.Dropout()), nn.Sequential(nn.Linear(2, 2))
    with torch.no_grad():
        one[0].weight.copy_(torch.eye(2))
        other[0].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 3.0]]))
        one[0].bias.zero_()
        other[0].bias.zero_()
    x = torch.tensor([[2.0, 1.0], [4.0, 1.0], [0.0, 1.0]])
    assert compact.check(one, other, x, batch_size=2) == (2.0, pytest.approx(2 / 3))
    assert one[1].training
    with torch.no_grad():
        other[0].bias.fill_(float("nan"))
    assert compact.check(one, other, x).max_abs_difference == float("inf")


def test_compact_takes_one_lane() -> None:
    graph = traced(row("mlp-ReLU"))
    with pytest.raises(ValueError, match="one lane but got 2"):
        compact.compact(row("mlp-ReLU").make(), graph, everything(graph, lanes=2))


def test_a_compact_network_can_be_traced_and_is_compact() -> None:
    module = sparsified(row("mlp-Sigmoid"), 1, dead=0.4, silent=0.2, without_bias=0.5)
    small = compact.compact(module, traced(row("mlp-Sigmoid"))).module
    again = compact.compact(small, trace(small, torch.randn(1, 6, dtype=torch.float64)))
    assert not again.folded
    assert sum(p.numel() for p in again.module.parameters()) == sum(p.numel() for p in small.parameters())
