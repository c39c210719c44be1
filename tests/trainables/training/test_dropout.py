"""Dropout with a stream of its own: its rate and scale, and what its noise depends on."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainables.training.dropout import LaneDropout, replace_dropout


def dropout_of(module: nn.Module, seed: int = 1, step: int = 0, name: str = "0") -> nn.Module:
    replace_dropout(module)
    lane = module.get_submodule(name)
    assert isinstance(lane, LaneDropout)
    lane.seed.fill_(seed)
    lane.step.fill_(step)
    return module.train()


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_drops_the_share_and_keeps_the_mean(p: float) -> None:
    y = dropout_of(nn.Sequential(nn.Dropout(p)))(torch.ones(200, 100))
    assert float((y == 0).float().mean()) == pytest.approx(p, abs=0.01)
    kept = y[y != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - p) if p < 1 else 0.0))


def test_whole_channels_go_where_torch_drops_channels() -> None:
    for module, shape in ((nn.Dropout1d, (8, 30, 5)), (nn.Dropout2d, (8, 30, 3, 4)), (nn.Dropout3d, (8, 30, 2, 3, 2))):
        y = dropout_of(nn.Sequential(module(0.4)))(torch.ones(shape)).flatten(2)
        assert torch.equal((y == 0).any(2), (y == 0).all(2))
        assert 0.3 < float((y[..., 0] == 0).float().mean()) < 0.5


def test_noise_depends_on_seed_step_layer_and_use() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Dropout(0.5), nn.Dropout(0.5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.stack([self.first(x), self.second(x), self.first(x)])

    x = torch.ones(10, 10)
    net = Net().train()
    assert replace_dropout(net) == ["first", "second"]
    one = net(x)
    assert torch.equal(one, net(x)), "a function of seed and step, not of who drew before"
    assert not torch.equal(one[0], one[1])
    assert not torch.equal(one[0], one[2])
    net.first.step += 1
    assert not torch.equal(one[0], net(x)[0])
    net.first.step -= 1
    net.first.seed += 1
    assert not torch.equal(one[0], net(x)[0])


def test_a_dropout_in_two_places_stays_one_module() -> None:
    shared = nn.Dropout(0.5)
    net = nn.Sequential(nn.Linear(3, 3), shared, nn.Linear(3, 3), shared)
    assert replace_dropout(net) == ["1"]
    assert net[1] is net[3]
    assert isinstance(net[3], LaneDropout)


def test_evaluation_drops_nothing_and_no_parameter_or_saved_tensor_is_added() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    names = list(net.state_dict())
    replace_dropout(net)
    x = torch.randn(3, 4)
    assert torch.equal(net.eval()(x), net[0](x))
    assert list(net.state_dict()) == names


def test_the_gradient_passes_what_is_kept() -> None:
    net = dropout_of(nn.Sequential(nn.Dropout(0.25)))
    x = torch.ones(50, requires_grad=True)
    y = net(x.unsqueeze(0))
    y.sum().backward()
    assert torch.equal(x.grad, y.detach()[0])
