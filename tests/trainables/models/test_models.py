"""Every network: published counts, shapes, and what torch.func, torch.fx and torch-pruning need of it."""

import copy
import math
import operator
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
import torch_pruning
from torch import Tensor, fx, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from torch.utils.flop_counter import FlopCounterMode

from trainables.models import MODELS, ModelSpec, build
from trainables.models import __all__ as exported

LAYERS = (nn.Linear, nn.Conv2d)
FREE = "stage1_block1.conv1"


@dataclass(frozen=True)
class Row:
    """A network at its published size, what is published of it, and a small one of the same kind.

    weights: entries of Linear and Conv weights; parameters: all of them; widths: outputs of every layer.
    free: a layer whose units no skip connection ties to others', by default the first.
    """

    name: str
    options: dict[str, object] = field(default_factory=dict)
    weights: int | None = None
    parameters: int | None = None
    widths: tuple[int, ...] | None = None
    small_shape: tuple[int, ...] = (2, 8, 8)
    small: dict[str, object] = field(default_factory=dict)
    free: str = ""

    @property
    def id(self) -> str:
        return "-".join([self.name, *(f"{value}" for value in self.options.values())])


ROWS = (
    Row("mlp", widths=(128, 64, 10), small={"widths": [5, 4], "batch_norm": True}),
    Row("mlp", {"widths": []}, weights=640, widths=(10,)),
    Row("mlp", {"activation": "softplus"}, small={"widths": [5], "activation": "softplus"}),
    Row("mlp", {"activation": "tanh"}, small={"widths": [5], "activation": "tanh"}),
    Row("convnet", widths=(16, 32, 10), small={"channels": [3, 4], "batch_norm": True}),
    Row("lenet300", weights=266_200, widths=(300, 100, 10), small={"widths": [5, 4]}),
    Row(
        "lenet5",
        weights=25 * 32 + 25 * 32 * 64 + 1_610_752,
        widths=(32, 64, 512, 10),
        small={"channels": [3, 4], "hidden": 5},
    ),
    Row(
        "lenet5",
        {"variant": "cges"},
        weights=25 * 32 + 25 * 32 * 64 + 3136 * 1024 + 1024 * 10,
        widths=(32, 64, 1024, 10),
        small={"variant": "cges", "channels": [3, 4], "hidden": 5, "dropout": 0.0},
    ),
    Row(
        "lenet5_caffe",
        weights=25 * 20 + 25 * 20 * 50 + 800 * 500 + 10 * 500,
        widths=(20, 50, 500, 10),
        small_shape=(1, 16, 16),
        small={"channels": [3, 4], "hidden": 5},
    ),
    Row("autoencoder", weights=217_088, widths=(128, 64, 128, 784), small={"widths": [5, 3, 5]}),
    Row("linear_regression", weights=105, parameters=111, widths=(5, 1), small_shape=(20,)),
    Row("linear_regression", {"bias": False}, weights=105, parameters=105, small={"bias": False}),
    Row("moons_mlp", weights=8_160, widths=(80, 2), small_shape=(6,), small={"widths": [6, 4]}),
    Row(
        "dwork_cnn",
        parameters=1_045_810,
        widths=(300, 200, 100, 500, 200, 10),
        small_shape=(1, 24, 24),
        small={"channels": [3, 3, 2], "widths": [4, 3]},
    ),
    Row("resnet", parameters=855_770, small={"depth": 8, "widths": [2, 3, 4]}, free=FREE),
    Row(
        "resnet",
        {"shortcut": "padding"},
        parameters=853_018,
        small={"depth": 8, "widths": [2, 3, 4], "shortcut": "padding"},
        free=FREE,
    ),
    Row("resnet20", {"shortcut": "padding"}, parameters=269_722, small={"widths": [2, 3, 4]}, free=FREE),
    Row("resnet32", {"shortcut": "padding"}, parameters=464_154, small={"widths": [2, 2, 2]}),
    Row("resnet44", {"shortcut": "padding"}, parameters=658_586, small={"widths": [2, 2, 2]}),
    Row("resnet56", {"shortcut": "padding"}, parameters=853_018, small={"widths": [2, 2, 2]}),
    Row("resnet110", {"shortcut": "padding"}, parameters=1_727_962, small={"widths": [2, 2, 2]}),
    Row(
        "dec3",
        widths=(96, 96, 128, 128, 512, 512, 36),
        small={"widths": [3, 4, 5], "kernels": [3, 3, 2], "batch_norm": True},
    ),
    Row(
        "dec8",
        widths=(*[640] * 16, 1000),
        small={"width": 4, "narrow": [2, 3], "pools": [1, 3], "batch_norm": True},
    ),
    Row(
        "dec8",
        {"width": 768},
        widths=(*[768] * 16, 1000),
        small={"width": 2, "pools": []},
    ),
    Row(
        "bnet_c",
        # VGG-B's convolutions as published (torchvision's vgg13 less its linear layers), then one layer.
        parameters=133_047_848 - 123_642_856 + 512 * 7 * 7 * 1000 + 1000,
        widths=(64, 64, 128, 128, 256, 256, *[512] * 4, 1000),
        small={"channels": [3, 4], "batch_norm": True},
    ),
)
# One small network of each kind; the others differ from these in their published size only.
SMALL = tuple(row for row in ROWS if row.small and row.name not in ("resnet32", "resnet44", "resnet56", "resnet110"))
rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
small_rows = pytest.mark.parametrize("row", SMALL, ids=lambda row: row.id)


def published(row: Row) -> nn.Module:
    """At full size, without its memory or time."""
    spec = MODELS[row.name]
    with torch.device("meta"):
        return build(row.name, spec.input_shape, spec.outputs, **row.options)


def small(row: Row, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build(row.name, row.small_shape, 3, **row.small)


def layers(network: nn.Module) -> Iterator[nn.Linear | nn.Conv2d]:
    return (module for module in network.modules() if isinstance(module, LAYERS))


def test_every_model_has_a_row() -> None:
    assert {row.name for row in ROWS} == set(MODELS)
    assert {row.name for row in SMALL} >= {name for name in MODELS if not re.fullmatch(r"resnet\d+", name)}
    with_torch = ["Plain", "Tokens", "Weights"]
    assert exported == ["MODELS", "ModelSpec", *with_torch, "build", "find", "fit_weights", "read_weights"]


@rows
def test_counts_are_the_published_ones(row: Row) -> None:
    network = published(row)
    assert row.weights in (None, sum(layer.weight.numel() for layer in layers(network)))
    assert row.parameters in (None, sum(p.numel() for p in network.parameters()))
    assert row.widths in (None, tuple(layer.weight.shape[0] for layer in layers(network)))


@rows
def test_maps_a_batch_of_the_natural_inputs_to_the_outputs(row: Row) -> None:
    spec = MODELS[row.name]
    outputs = published(row)(torch.zeros(2, *spec.input_shape, device="meta"))
    assert outputs.shape == (2, spec.outputs)


@small_rows
def test_a_stacked_training_step_equals_the_lone_ones(row: Row) -> None:
    """functional_call under vmap(grad_and_value) in train mode, batch norm's running statistics included."""
    lanes = [small(row, seed).double().train() for seed in (1, 2)]
    base = copy.deepcopy(lanes[0]).to("meta")
    params, buffers = stack_module_state(lanes)
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(4, *row.small_shape, generator=generator, dtype=torch.float64)
    y = torch.rand(4, 3, generator=generator, dtype=torch.float64)

    def loss(params: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        return nn.functional.mse_loss(functional_call(base, (params, buffers), (x,)), y)

    gradients, losses = vmap(grad_and_value(loss), randomness="different")(params, buffers)
    for lane, network in enumerate(lanes):
        alone = nn.functional.mse_loss(network(x), y)
        alone.backward()  # type: ignore[no-untyped-call]
        torch.testing.assert_close(losses[lane], alone.detach())
        for name, parameter in network.named_parameters():
            torch.testing.assert_close(gradients[name][lane], parameter.grad)
        for name, buffer in network.named_buffers():
            torch.testing.assert_close(buffers[name][lane], buffer)
    assert not torch.equal(losses[0], losses[1])


@small_rows
def test_is_made_of_modules_used_once(row: Row) -> None:
    """So that torch.fx sees the whole structure: calls of modules, and the sum of a skip connection."""
    network = small(row)
    nodes = fx.symbolic_trace(network).graph.nodes
    called = Counter(node.target for node in nodes if node.op == "call_module")
    others = {node.target for node in nodes if node.op not in ("placeholder", "output", "call_module")}
    leaves = {name for name, module in network.named_modules() if not any(module.children())}
    assert set(called) == leaves
    assert set(called.values()) == {1}
    assert others <= {operator.add}


@small_rows
def test_torch_pruning_can_remove_a_unit(row: Row) -> None:
    network = small(row).eval()
    layer = next(layer for layer in layers(network) if layer is network.get_submodule(row.free) or not row.free)
    example = torch.zeros(1, *row.small_shape)
    graph = torch_pruning.DependencyGraph().build_dependency(network, example_inputs=example)
    remove = (
        torch_pruning.prune_linear_out_channels
        if isinstance(layer, nn.Linear)
        else torch_pruning.prune_conv_out_channels
    )
    before = layer.weight.shape[0]
    graph.get_pruning_group(layer, remove, idxs=[0]).prune()
    assert layer.weight.shape[0] == before - 1
    assert network(example).shape == (1, 3)


@small_rows
def test_the_seed_decides_the_weights(row: Row) -> None:
    state = torch.random.get_rng_state()
    one, again, other = (dict(small(row, seed).named_parameters()) for seed in (1, 1, 2))
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("name", "options", "std", "bias_std"),
    [
        ("lenet300", {}, 0.01, 0.01),
        # The variance of a normal variable cut at two standard deviations is .8796 of the whole one's.
        ("lenet5", {}, 0.01 * 0.8796, 0.01 * 0.8796),
        ("lenet5", {"variant": "cges"}, 0.1 * 0.8796, 0.0),
        ("autoencoder", {}, 1.0, 1.0),
        ("lenet5_caffe", {}, math.sqrt(2 / 800), 0.0),
    ],
)
def test_initial_weights_have_the_published_spread(
    name: str, options: dict[str, object], std: float, bias_std: float
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build(name, (1, 28, 28), 784 if name == "autoencoder" else 10, **options)
    largest = max((m for m in layers(network) if isinstance(m, nn.Linear)), key=lambda m: m.weight.numel())
    assert largest.weight.std().item() == pytest.approx(std, rel=0.02)
    assert largest.bias.std().item() == pytest.approx(bias_std, rel=0.15, abs=1e-6)


def test_cges_biases_are_a_tenth() -> None:
    network = build("lenet5", (1, 8, 8), 3, variant="cges", hidden=4)
    biases = [p for name, p in network.named_parameters() if name.endswith("bias")]
    assert all(bias.eq(0.1).all() for bias in biases)
    assert len(biases) == 4


@pytest.mark.parametrize(
    ("name", "options", "probabilities"),
    [
        ("lenet5", {}, []),
        ("lenet5", {"dropout": 0.25}, [0.25]),
        ("lenet5", {"variant": "cges"}, [0.5]),
        ("mlp", {"widths": [4, 4], "dropout": 0.5}, [0.5, 0.5]),
        ("lenet300", {}, []),
    ],
)
def test_dropout_where_the_paper_has_it(name: str, options: dict[str, object], probabilities: list[float]) -> None:
    modules = build(name, (1, 8, 8), 3, **options).modules()
    assert [module.p for module in modules if isinstance(module, nn.Dropout)] == probabilities


def test_dwork_softplus_is_sharp_and_pools_average() -> None:
    network = published(Row("dwork_cnn"))
    assert {m.beta for m in network.modules() if isinstance(m, nn.Softplus)} == {100.0}
    assert sum(isinstance(m, nn.AvgPool2d) for m in network.modules()) == 3
    assert sum(layer.weight.shape[0] for layer in layers(network)) == 1310


@pytest.mark.parametrize(("shortcut", "millions"), [("projection", 125.75), ("padding", 125.49)])
def test_resnet56_has_the_published_cost(shortcut: str, millions: float) -> None:
    """Multiply-adds as documented; parameters within what NPN's rounded percentages say of the dense net."""
    network = published(Row("resnet56", {"shortcut": shortcut}))
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, 32, 32, device="meta"))
    assert counter.get_total_flops() / 2e6 == pytest.approx(millions, abs=0.005)
    parameters = sum(p.numel() for p in network.parameters()) / 1e6
    for left, removed in ((0.33, 61.2), (0.55, 35.3)):
        low = (left - 0.005) / (1 - (removed - 0.05) / 100)
        high = (left + 0.005) / (1 - (removed + 0.05) / 100)
        assert low < parameters < high


def test_padding_shortcut_takes_every_second_pixel_and_adds_zero_channels() -> None:
    network = build("resnet", (1, 8, 8), 3, depth=8, widths=[2, 4, 8], shortcut="padding")
    shortcut = network.get_submodule("stage2_block1.shortcut")
    x = torch.rand(5, 2, 8, 8) - 0.5
    expected = torch.zeros(5, 4, 4, 4)
    expected[:, 1:3] = x[:, :, ::2, ::2]
    assert torch.equal(shortcut(x), expected)


def test_moons_in_the_plane_go_through_a_first_layer() -> None:
    widths = [layer.weight.shape[0] for layer in layers(build("moons_mlp", (2,), 2))]
    assert widths == [100, 80, 2]


@pytest.mark.parametrize("shape", [(12,), (1, 3, 4), (2, 2, 3, 1)])
def test_mlp_takes_any_shape(shape: tuple[int, ...]) -> None:
    assert build("mlp", shape, 3, widths=[4])(torch.zeros(2, *shape)).shape == (2, 3)


@pytest.mark.parametrize("name", [n for n, s in MODELS.items() if len(s.input_shape) == 3 and s.input_shape[0] == 3])
def test_image_models_refuse_flat_inputs(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape("(channels, height, width), got (64,)")):
        build(name, (64,), 10)


@pytest.mark.parametrize(
    ("name", "shape", "options", "message"),
    [
        ("lenet30", (1, 28, 28), {}, "model: expected one of .* but got 'lenet30'; did you mean 'lenet300'"),
        ("mlp", (64,), {"widhts": [3]}, "option of mlp: .* got 'widhts'; did you mean 'widths'"),
        ("mlp", (64,), {"width": 3}, "mlp: expected widths, or depth with or without width, but got width 3"),
        ("mlp", (64,), {"widths": [3], "depth": 2}, r"mlp: expected .* but got widths \[3\], depth 2"),
        ("mlp", (64,), {"depth": 0}, "depth must be a positive integer, got 0"),
        (
            "resnet56",
            (3, 32, 32),
            {"depth": 20},
            r"option of resnet56: expected one of widths, shortcut, but got 'depth'",
        ),
        ("mlp", (64,), {"activation": "rely"}, "did you mean 'relu'"),
        ("mlp", (64,), {"widths": 128}, "widths must be a list of positive integers, got 128"),
        ("mlp", (64,), {"widths": [8, 0]}, r"got \[8, 0\]"),
        ("mlp", (64,), {"widths": [True]}, r"got \[True\]"),
        ("mlp", (0,), {}, "input_shape must be"),
        ("lenet5", (1, 28, 28), {"variant": "dropneurons"}, "did you mean 'dropneuron'"),
        ("lenet5", (1, 28, 28), {"channels": [3]}, "channels must be a list of exactly 2 positive integers"),
        (
            "lenet5_caffe",
            (1, 8, 8),
            {},
            r"images of shape \(1, 8, 8\) are too small: nothing is left of them after conv2",
        ),
        ("convnet", (1, 8, 8), {"channels": [2, 2, 2, 2]}, "too small"),
        ("dec3", (1, 8, 8), {}, "too small"),
        ("dec3", (1, 24, 24), {"kernels": [3]}, "kernels must be a list of exactly 3"),
        ("dec3", (1, 24, 24), {"kernels": [8, 9, 6]}, "padded pairs must be odd"),
        ("dec3", (1, 24, 24), {"pools": [4]}, "pools must name pairs from 1 to 3"),
        ("dec8", (3, 32, 32), {"kernel": 2}, "kernel must be odd"),
        ("dec8", (3, 32, 32), {"narrow": [2] * 8}, "narrow must leave"),
        ("dec8", (3, 32, 32), {"pools": [9]}, "pools must name pairs"),
        ("resnet", (3, 32, 32), {"depth": 52}, "got 52; try 50 or 56"),
        ("resnet", (3, 32, 32), {"depth": "56"}, "depth must be a positive integer, got '56'"),
        ("mlp", (64,), {"dropout": 1}, "dropout must be a probability"),
        ("lenet5", (1, 28, 28), {"dropout": "half"}, "dropout must be a probability"),
        ("resnet", (3, 32, 32), {"shortcut": "project"}, "did you mean 'projection'"),
        ("resnet", (3, 32, 32), {"widths": [4, 2, 2], "shortcut": "padding"}, "only add channels"),
    ],
)
def test_errors_name_what_is_valid(name: str, shape: tuple[int, ...], options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(name, shape, 10, **options)


@pytest.mark.parametrize("spec", MODELS.values(), ids=lambda spec: spec.name)
def test_listed_options_are_the_ones_taken(spec: ModelSpec) -> None:
    row = next(row for row in ROWS if row.name == spec.name)
    assert set(row.options) | set(row.small) <= set(spec.options)
    assert not set(spec.pinned) & set(spec.options)


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    source = """
from torch import nn

class MyNet(nn.Module):
    def __init__(self, outputs, name="x"):
        super().__init__()
        self.output = nn.Linear(4, outputs)
    def forward(self, x):
        return self.output(x)

def not_a_network():
    return 3

constant = 3
"""
    (tmp_path / "own_network_of_a_test.py").write_text(source)
    (tmp_path / "own_broken_network_of_a_test.py").write_text("import a_module_that_is_missing\n")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    return "own_network_of_a_test"


def test_a_network_of_the_users_own_gets_its_options_alone(own_module: str) -> None:
    network = build(f"{own_module}:MyNet", (64,), 10, outputs=3, name="mine")
    assert network(torch.zeros(2, 4)).shape == (2, 3)


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        (
            "own_network_of_a_test:MyNets",
            {},
            "name in own_network_of_a_test: .* got 'MyNets'; did you mean 'MyNet'",
        ),
        ("own_network_of_a_test:MyNet", {"width": 3}, r"MyNet\(outputs, name='x'\) cannot be called with"),
        ("own_network_of_a_test:not_a_network", {}, "to be a class derived from Module, but got <function"),
        ("own_network_of_a_test:constant", {}, "to be a class derived from Module, but got 3"),
        ("no_module_of_this_name:Net", {}, "'no_module_of_this_name' is not in the working directory"),
        (":Net", {}, "is named 'module:Name'"),
        (".relative:Net", {}, "is named 'module:Name'"),
    ],
)
def test_errors_of_a_users_network(own_module: str, target: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(target, (4,), 3, **options)


def test_a_missing_import_inside_a_users_module_is_its_own_error(own_module: str) -> None:
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_missing"):
        build("own_broken_network_of_a_test:Net", (4,), 3)
