"""Chains against vmap over the module itself."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from trainables import models
from trainables.tasks import TASKS
from trainables.training.chain import ELEMENTWISE, Chain, linear

LANES, BATCH = 3, 5

CHAINS: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("mlp", {"widths": [7, 4]}, (6,)),
    ("mlp", {"widths": [7], "activation": "softplus"}, (1, 2, 3)),
    ("mlp", {"widths": [], "bias": False}, (6,)),
    ("mlp", {"widths": [7, 4], "activation": "linear", "bias": False}, (6,)),
    ("lenet300", {"widths": [7, 4]}, (1, 3, 2)),
    ("autoencoder", {"widths": [4, 3, 4]}, (1, 3, 2)),
]


def stacked(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> tuple[nn.Module, dict[str, Tensor]]:
    torch.manual_seed(0)
    outputs = 6 if name == "autoencoder" else 4
    modules = [models.build(name, shape, outputs, **options) for _ in range(LANES)]
    params, _ = stack_module_state(modules)
    return modules[0], {name: tensor.detach() for name, tensor in params.items()}


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("name", "options", "shape"), CHAINS)
def test_outputs_and_gradients_are_those_of_vmap(
    name: str, options: dict[str, Any], shape: tuple[int, ...], shared: bool
) -> None:
    module, params = stacked(name, options, shape)
    chain = Chain.of(module, 6)
    assert chain is not None
    x = torch.randn(*(() if shared else (LANES,)), BATCH, *shape)
    found, expected = ({name: tensor.clone().requires_grad_() for name, tensor in params.items()} for _ in range(2))
    mapped = vmap(lambda p, x: functional_call(module, p, (x,)), in_dims=(0, None if shared else 0))
    ours, theirs = chain(found, x, shared), mapped(expected, x)
    torch.testing.assert_close(ours, theirs)
    gradients = (
        torch.autograd.grad(y.square().sum(), list(p.values())) for y, p in ((ours, found), (theirs, expected))
    )
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("name", "options", "shape"), CHAINS)
def test_the_way_back_gives_what_autograd_gives(
    name: str, options: dict[str, Any], shape: tuple[int, ...], shared: bool
) -> None:
    """To the bit: the same operations in the same order; into the places that are there, data left alone."""
    module, params = stacked(name, options, shape)
    chain = Chain.of(module, 6)
    assert chain is not None
    loss = TASKS["reconstruction" if name == "autoencoder" else "classification"].loss
    x = torch.randn(*(() if shared else (LANES,)), BATCH, *shape)
    y = x.flatten(-len(shape)) if name == "autoencoder" else torch.randint(4, x.shape[: 1 if shared else 2])
    places = {"output.weight": torch.full_like(params["output.weight"], torch.nan)} if "output.weight" in params else {}
    before = x.clone()
    found, losses = chain.gradients(params, x, shared, partial(loss.gradient, target=y), places)
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in params.items()}
    expected = loss(chain(leaves, x, shared), y)
    assert torch.equal(losses, expected)
    for key, gradient in zip(leaves, torch.autograd.grad(expected.sum(), list(leaves.values())), strict=True):
        assert torch.equal(found[key], gradient), key
        assert found[key] is places.get(key, found[key])
    assert torch.equal(x, before)


@pytest.mark.parametrize("kind", [*ELEMENTWISE, "twice", "in place"])
def test_the_way_back_through_every_step(kind: Any) -> None:
    layer = nn.Linear(4, 4)
    if kind == "twice":
        module = nn.Sequential(nn.ReLU(), layer, nn.ReLU(), nn.ReLU(), layer)
    elif kind == "in place":
        module = nn.Sequential(nn.ELU(inplace=True), layer, nn.LeakyReLU(inplace=True))
    else:
        module = nn.Sequential(nn.Identity(), kind(), layer, kind(), nn.Linear(4, 3))
    chain = Chain.of(module, 4)
    assert chain is not None
    params = {name: tensor.detach().unsqueeze(0) for name, tensor in module.named_parameters()}
    x = torch.randn(BATCH, 4)
    before = x.clone()
    found, losses = chain.gradients(params, x, True, lambda out: (out.square().sum((1, 2)), 2 * out), {})
    loss = module(before.clone()).square().sum()
    torch.testing.assert_close(losses[0], loss)
    for name, gradient in zip(params, torch.autograd.grad(loss, list(module.parameters())), strict=True):
        torch.testing.assert_close(found[name][0], gradient)
    assert torch.equal(x, before)


def test_the_gradient_of_a_linear_layer_is_exact() -> None:
    tensors = [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((2, 4, 3), (2, 5, 3), (2, 5))]
    assert torch.autograd.gradcheck(linear, tensors)
    assert torch.autograd.gradcheck(lambda x, w: linear(x, w, None), tensors[:2])


@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_a_stack_is_to_an_activation_as_a_lane(kind: type[nn.Module]) -> None:
    x = torch.randn(LANES, BATCH, 4)
    torch.testing.assert_close(kind()(x), torch.stack([kind()(lane) for lane in x]))


class Own(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return x


def hooked() -> nn.Module:
    module = nn.Sequential(nn.Linear(6, 4))
    module[0].register_forward_hook(lambda module, args, output: 2 * output)
    return module


@pytest.mark.parametrize(
    "module",
    [
        Own(nn.Linear(6, 4)),
        hooked(),
        nn.Sequential(nn.Linear(6, 4), nn.Softmax(1)),
        nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4)),
        nn.Sequential(nn.Linear(6, 4), nn.Dropout()),
        nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 4))),
        nn.Sequential(nn.Flatten(0), nn.Linear(6, 4)),
        nn.Sequential(nn.Linear(3, 4)),
        nn.Sequential(nn.ReLU()),
        nn.Linear(6, 4),
    ],
    ids=lambda module: str(module).split("\n")[0] + type(list(module.modules())[-1]).__name__,
)
def test_what_is_not_such_a_chain_is_left_to_vmap(module: nn.Module) -> None:
    assert Chain.of(module, 6) is None


def test_a_layer_that_is_used_twice_has_one_weight() -> None:
    layer = nn.Linear(4, 4)
    module = nn.Sequential(layer, nn.Tanh(), layer)
    chain = Chain.of(module, 4)
    assert chain is not None
    x = torch.randn(BATCH, 4)
    params = {name: tensor.detach().unsqueeze(0) for name, tensor in module.named_parameters()}
    torch.testing.assert_close(chain(params, x, shared=True)[0], module(x).detach())
