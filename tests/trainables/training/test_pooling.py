"""ReLU after max pooling gives the numbers of ReLU before it, to the bit, there and back."""

from __future__ import annotations

from collections import OrderedDict
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from trainables.problem import problem
from trainables.recipe import Recipe
from trainables.training import Stack, Trial
from trainables.training.pooling import relu_after_pooling

POOLS = [
    nn.MaxPool2d(2),
    nn.MaxPool2d(3, stride=1),
    nn.MaxPool2d(3, stride=2, padding=1),
    nn.MaxPool2d(2, ceil_mode=True),
    nn.MaxPool2d(2, dilation=2),
]


def kinds(module: nn.Module) -> list[str]:
    return [type(child).__name__ for child in module.children()]


def there_and_back(network: nn.Module, x: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    output = network(x)
    torch.manual_seed(1)
    gradients = torch.autograd.grad(output, [x, *network.parameters()], torch.randn_like(output))
    return [output.detach(), *gradients]


@pytest.mark.parametrize("pool", POOLS, ids=str)
@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_same_numbers(pool: nn.Module, inplace: bool, layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 2, 9, 9).mul(2).round()  # equal numbers and zeros within windows
    x[0] = -x[0].abs()
    before = nn.Sequential(nn.Conv2d(2, 4, 1), nn.ReLU(inplace), pool)
    before[0].weight.data.round_()
    before[0].bias.data.zero_()
    after = deepcopy(before)
    relu_after_pooling(after)
    assert kinds(after) == ["Conv2d", kinds(before)[2], "ReLU"]
    x = x.to(memory_format=layout)
    for one, other in zip(there_and_back(before, x), there_and_back(after, x), strict=True):
        assert torch.equal(one, other)


def test_what_is_no_number_stays_none() -> None:
    before = nn.Sequential(nn.Identity(), nn.ReLU(), nn.MaxPool2d(2))
    after = deepcopy(before)
    relu_after_pooling(after)
    x = torch.tensor([[torch.nan, -1.0], [2.0, torch.inf]]).view(1, 1, 2, 2)
    for one, other in zip(there_and_back(before, x), there_and_back(after, x), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


def test_steps_keep_their_names_and_go_behind_all_poolings() -> None:
    inner = nn.Sequential(OrderedDict(relu=nn.ReLU(), pool=nn.MaxPool2d(2), again=nn.MaxPool2d(2)))
    network = nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 2, 1), inner=inner))
    names = list(network.state_dict())
    relu_after_pooling(network)
    assert [name for name, _ in inner.named_children()] == ["pool", "again", "relu"]
    assert list(network.state_dict()) == names


def test_what_may_be_seen_stays() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))

        def forward(self, x: Tensor) -> Tensor:
            return self.features[0](x)  # type: ignore[no-any-return]

    own = Own()
    relu_after_pooling(own)
    assert kinds(own.features) == ["ReLU", "MaxPool2d"]
    hooked = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))
    hooked[0].register_forward_hook(lambda module, given, output: None)
    indices = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2, return_indices=True))
    others = [nn.Sequential(nn.ReLU(), nn.AvgPool2d(2)), nn.Sequential(nn.Tanh(), nn.MaxPool2d(2))]
    for network in (hooked, indices, *others):
        before = kinds(network)
        relu_after_pooling(network)
        assert kinds(network) == before


@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_trial_alone_trains_so(batch_norm: bool) -> None:
    model = {"name": "convnet", "channels": [4, 6], "batch_norm": batch_norm}
    where = problem({"name": "digits", "image": True, "limit": 70}, model, seed=0)
    trials = [Trial("t", 0, 0, {"lr": 0.01, "lambda": 0.05})]
    recipe = Recipe(epochs=4, polish=2, batch_size=16)
    swapped, plain = (Stack(where, "group_lasso", recipe, trials, torch.device("cpu"), "on") for _ in range(2))
    for stack, first in ((swapped.whole.skeleton, "MaxPool2d"), (where.graph.skeleton, "ReLU")):
        assert next(kind for kind in kinds(stack) if kind in ("ReLU", "MaxPool2d")) == first
    plain.whole.skeleton = where.module(0)
    while not swapped.done:
        swapped.train_epoch()
        plain.train_epoch()
    for name, tensor in swapped.params.items():
        assert torch.equal(tensor, plain.params[name])
