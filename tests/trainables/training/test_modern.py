"""What every pack promises, of a transformer and of a network of depthwise-separable convolutions with a skip."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainables.groups import KINDS
from trainables.problem import Problem, problem
from trainables.recipe import Recipe
from trainables.training import equivalence
from trainables.training.stack import Stack, Trial

TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


class Transformer(nn.Module):
    """A row of pixels is a token; q and k are wider than the tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.position = nn.Linear(8, 8), nn.Parameter(torch.randn(8, 8) * 0.1)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(8) for _ in range(3))
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.up, self.down, self.output = nn.Linear(8, 12), nn.Linear(12, 8), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.tokens(x.view(-1, 8, 8)) + self.position
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        x = x + self.down(nn.functional.gelu(self.up(self.norm2(x))))
        out: Tensor = self.output(self.norm3(x).mean(1))
        return out


class Attention(nn.Module):
    """Queries, keys and values by layers of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.norm = nn.Linear(8, 8), nn.LayerNorm(8)
        self.q, self.k, self.v, self.out = (nn.Linear(8, 8) for _ in range(4))
        self.output = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.tokens(x.view(-1, 8, 8))
        y = self.norm(x)
        q, k, v = (one(y).unflatten(2, (-1, 4)).transpose(1, 2) for one in (self.q, self.k, self.v))
        mixed = ((q @ k.mT / 2).softmax(3) @ v).transpose(1, 2).flatten(2)
        found: Tensor = self.output((x + self.out(mixed)).mean(1))
        return found


class Separable(nn.Module):
    """Expanded, filtered channel by channel, squeezed and excited, projected, added."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first = nn.Conv2d(1, 5, 3, 2, 1, bias=False), nn.BatchNorm2d(5)
        self.expand, self.second = nn.Conv2d(5, 8, 1, bias=False), nn.BatchNorm2d(8)
        self.each, self.third = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(8)
        self.squeeze, self.excite = nn.Linear(8, 3), nn.Linear(3, 8)
        self.project, self.fourth = nn.Conv2d(8, 5, 1, bias=False), nn.BatchNorm2d(5)
        self.output = nn.Linear(5, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(self.stem(x.view(-1, 1, 8, 8))).relu()
        y = self.third(self.each(self.second(self.expand(x)).relu())).relu()
        scale = self.excite(self.squeeze(y.mean((2, 3))).relu()).sigmoid()
        out: Tensor = self.output((x + self.fourth(self.project(y * scale[:, :, None, None]))).mean((2, 3)))
        return out


METHODS: dict[str, list[dict[str, Any]]] = {
    "group_lasso": [{"lambda": 0.02}, {"lambda": 0.2}],
    "npn": [{"lambda": 0.01}, {"lambda": 0.1}],
    "random": [{"sparsity": 0.3}, {"sparsity": 0.6}],
    "npn, all kinds": [
        {"lambda": 0.1, "gate_lr": 0.1, "k_start": 7.0, "stage_1": 0.0, "stage_2": 1.0},
        {"lambda": 0.02, "gate_lr": 0.1, "mode": "expand", "active": 0.5, "k_expand": 5.0, "stage_1": 0.0},
    ],
    "drop_neuron, all kinds": [{"dn": 20.0, "threshold": 0.4}, {"dn": 70.0, "update": "proximal"}],
}


@cache
def where(network: str) -> Problem:
    model = {"name": f"{__name__}:{network}", "groups": list(KINDS)}
    if network == "resnet":
        model = {"name": "resnet", "depth": 8, "widths": [3, 4, 6], "groups": list(KINDS)}
    return problem({"name": "digits", "limit": 120, "image": network == "resnet"}, model, 0)


def stack(network: str, method: str, lanes: list[int], shrink: str = "off") -> Stack:
    trials = [Trial(f"t{i}", 5 + i, 0, METHODS[method][i] | {"lr": 0.02}) for i in lanes]
    name, _, added = method.partition(", ")
    groups = KINDS if added else ()
    recipe = Recipe(epochs=3, polish=2, batch_size=24, optimizer={"name": "adam"}, lr=0.02, groups=groups)
    return Stack(where(network), name, recipe, trials, torch.device("cpu"), shrink)


def trained(found: Stack) -> Stack:
    while not found.done:
        found.train_epoch()
    return found


def assert_lane(one: Stack, lane: int, other: Stack, counterpart: int) -> None:
    for mine, yours in zip(one.history, other.history, strict=True):
        for name in ("neurons", "parameters", "widths"):
            assert torch.equal(mine[name][lane], yours[name][counterpart]), name
        torch.testing.assert_close(mine["val_loss"][lane], yours["val_loss"][counterpart], **TOLERANCE)


ROWS = [(network, method) for method in METHODS for network in ("Transformer", "Separable")]
ROWS += [("resnet", method) for method in METHODS if ", " in method]


@pytest.mark.parametrize(("network", "method"), ROWS)
def test_packs_keep_their_promises(network: str, method: str, training: Any) -> None:
    both = stack(network, method, [0, 1])
    both.train_epoch()
    state = training.through_file(both.state_dict())
    trained(both)
    alone, restored = trained(stack(network, method, [1])), stack(network, method, [0, 1])
    assert_lane(both, 1, alone, 0)
    restored.load_state_dict(state)
    trained(restored)
    for lane in (0, 1):
        assert_lane(both, lane, restored, lane)
    for name, tensor in both.params.items():
        assert torch.equal(tensor, restored.params[name]), name
    shrunk = trained(stack(network, method, [0, 1], "on"))
    always = method == "random" or ", " in method
    assert shrunk.reduction is not None or not always
    for lane in (0, 1):
        assert_lane(both, lane, shrunk, lane)
    for lane, outcome in enumerate(equivalence.outcomes(both)):
        assert outcome is not None and outcome.module is not None
        assert outcome.columns["max_abs_difference"] < 1e-4
        built = sum(p.numel() for p in outcome.module.parameters())
        assert built == int(both.history[-1]["parameters"][lane])
        assert built < sum(p.numel() for p in where(network).graph.skeleton.parameters()) or not always


def test_attention_that_is_all_gone_is_polished_like_any_other() -> None:
    """What stays of it, so that shapes go on fitting, is a whole head."""
    model = {"name": f"{__name__}:Attention"}
    attention = problem({"name": "digits", "limit": 120}, model, 0)
    recipe = Recipe(epochs=3, polish=2, batch_size=24, optimizer={"name": "adam"}, lr=0.02)
    whole, shrunk = (
        trained(
            Stack(
                attention,
                "group_lasso",
                recipe,
                [Trial("t", 5, 0, {"lambda": 50.0, "lr": 0.02})],
                torch.device("cpu"),
                on,
            )
        )
        for on in ("off", "on")
    )
    assert shrunk.reduction is not None and int(shrunk.history[-1]["heads"][0]) <= 1
    assert_lane(whole, 0, shrunk, 0)
