"""Images with channels last: the numbers are those of the plain layout, and what cannot have them trains without."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.groups import trace
from trainables.problem import Problem, problem
from trainables.recipe import Recipe
from trainables.training import Stack, Trial
from trainables.training.channels_last import bears, channels_last

DATA = {"name": "digits", "image": True, "limit": 70}
CPU = torch.device("cpu")


class Viewing(nn.Module):
    """Looks at memory in a way that channels last do not have."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.output = nn.Conv2d(1, 4, 3), nn.Linear(144, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(functional.relu(self.conv(x)).view(len(x), -1))  # type: ignore[no-any-return]


def network(name: str, **options: Any) -> Problem:
    return problem(DATA, {"name": name, **options}, seed=0)


def stack(where: Problem, lanes: int = 1) -> Stack:
    trials = [Trial(f"t{i}", i, 0, {"lr": 0.01}) for i in range(lanes)]
    return Stack(where, "dense", Recipe(epochs=2, batch_size=16), trials, CPU)


def test_channels_come_last_even_where_there_is_one() -> None:
    x = torch.arange(32.0).view(2, 1, 4, 4)
    assert torch.equal(channels_last(x), x)
    assert channels_last(x).stride() == (16, 1, 4, 1)


@pytest.mark.parametrize(
    ("model", "options"), [("convnet", {"channels": [4, 6]}), ("resnet", {"depth": 8, "widths": [4, 4, 8]})]
)
def test_losses_and_gradients_are_those_of_the_plain_layout(model: str, options: dict[str, Any]) -> None:
    where = network(model, **options)
    one, other = stack(where), stack(where)
    assert one._channels_last
    other._channels_last = False
    for each in (one, other):
        each.train_epoch()
    torch.testing.assert_close(one.history[0]["train_loss"], other.history[0]["train_loss"], rtol=1e-3, atol=1e-4)
    for name, tensor in one.params.items():
        torch.testing.assert_close(tensor, other.params[name], rtol=1e-2, atol=2e-3)


def test_a_network_that_cannot_have_them_is_left_as_it_is() -> None:
    images = torch.randn(2, 1, 8, 8)
    for module, expected in ((Viewing(), False), (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten()), True)):
        graph = trace(module.eval(), images[:1])
        tensors = {name: p.detach().clone() for name, p in module.named_parameters()}
        assert bears(graph, module, tensors, images) is expected


def test_stacked_networks_and_those_without_convolutions_are_left_alone() -> None:
    assert not stack(network("convnet", channels=[4, 6]), lanes=2)._channels_last
    assert not stack(problem({"name": "digits", "limit": 70}, {"name": "mlp", "widths": [4]}, seed=0))._channels_last
