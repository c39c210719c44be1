"""Lane optimisers against torch.optim run lane by lane, and the schedules against their definitions."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainables.recipe import Recipe
from trainables.training.optim import LaneOptimizer, rate_factor

TORCH: dict[str, Any] = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
LR = torch.tensor([0.5, 0.01, 0.003, 0.0])
OPTIONS = [
    {"name": "sgd"},
    {"name": "sgd", "momentum": 0.9},
    {"name": "sgd", "momentum": 0.9, "dampening": 0.3},
    {"name": "sgd", "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    {"name": "adam"},
    {"name": "adam", "betas": [0.8, 0.99], "eps": 1e-6, "weight_decay": 0.01},
    {"name": "adam", "amsgrad": True},
    {"name": "adamw", "weight_decay": 0.1},
]


def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = {"weight": (4, 3, 5), "bias": (4, 3), "kernel": (4, 2, 2, 3, 3)}
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_equals_torch_lane_by_lane(options: dict[str, Any]) -> None:
    """Over 20 steps with learning rates that fall, and gradients of any memory layout."""
    stacked = tensors()
    settings = {name: value for name, value in options.items() if name != "name"}
    lanes = [{name: tensor[lane].clone() for name, tensor in stacked.items()} for lane in range(4)]
    optimizer = LaneOptimizer(stacked, **options)
    alone = [
        TORCH[options["name"]](list(lane.values()), lr=float(lr), **settings)
        for lane, lr in zip(lanes, LR, strict=True)
    ]
    generator = torch.Generator().manual_seed(1)
    for step in range(20):
        lr = LR * 0.9**step
        gradients = {name: torch.randn(t.mT.shape, generator=generator).mT for name, t in stacked.items()}
        optimizer.step(gradients | {"of another": torch.zeros(4)}, lr)
        for index, one in enumerate(alone):
            one.param_groups[0]["lr"] = float(lr[index])
            for name, tensor in lanes[index].items():
                tensor.grad = gradients[name][index].contiguous()
            one.step()
    for name, tensor in stacked.items():
        for index, lane in enumerate(lanes):
            torch.testing.assert_close(tensor[index], lane[name], rtol=1e-5, atol=1e-6)
    assert torch.equal(stacked["weight"][3], tensors()["weight"][3]), "a learning rate of 0 moves nothing"


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_lane_does_not_feel_its_neighbours(options: dict[str, Any]) -> None:
    one, other = tensors(), tensors()
    gradients = {name: torch.ones_like(tensor) for name, tensor in one.items()}
    wild = {name: tensor.clone() for name, tensor in gradients.items()}
    for tensor in wild.values():
        tensor[1] = math.nan
    for stacked, given_gradients in ((one, gradients), (other, wild)):
        optimizer = LaneOptimizer(stacked, **options)
        for _ in range(3):
            optimizer.step(given_gradients, LR)
    for name in one:
        assert torch.equal(one[name][[0, 2, 3]], other[name][[0, 2, 3]])
        assert bool(other[name][1].isnan().all())


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_goes_on_from_its_own_state_and_from_that_of_torch(options: dict[str, Any]) -> None:
    """Whose layout it has: by number of the tensor, lanes in front. Before the first step there is none."""
    settings = {name: value for name, value in options.items() if name != "name"}
    stacked, theirs, resumed = tensors(), tensors(), tensors()
    ours, fused = (
        LaneOptimizer(stacked, **options),
        TORCH[options["name"]](theirs.values(), lr=0.1, fused=True, **settings),
    )
    generator = torch.Generator().manual_seed(1)
    lr = torch.full((4,), 0.1)
    for step in range(4):
        gradients = {name: torch.randn(t.shape, generator=generator) for name, t in stacked.items()}
        if step == 2:
            for state in (ours.state_dict(), fused.state_dict()):
                for name, tensor in resumed.items():
                    tensor.copy_(stacked[name])
                later = LaneOptimizer(resumed, **options)
                later.load_state_dict(state)
        for optimizer in (ours, *([later] if step >= 2 else [])):
            optimizer.step(gradients, lr)
        for name, tensor in theirs.items():
            tensor.grad = gradients[name]
        fused.step()
    for name, tensor in stacked.items():
        torch.testing.assert_close(tensor, theirs[name])
        torch.testing.assert_close(tensor, resumed[name])
    fresh = LaneOptimizer(tensors(), **options)
    fresh.load_state_dict(LaneOptimizer(tensors(), **options).state_dict())
    assert not fresh.begun


def test_no_compiler_is_loaded() -> None:
    """torch.optim's optimisers load torch._dynamo, a second of a worker's start."""
    program = (
        "import sys, torch; from trainables.training.optim import LaneOptimizer;"
        "p = {'w': torch.ones(2, 3)}; LaneOptimizer(p, 'adam').step({'w': torch.ones(2, 3)}, torch.ones(2));"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def factors(name: str, epochs: int, **options: Any) -> list[float]:
    """Of every epoch."""
    schedule = Recipe(epochs=1000, lr_schedule={"name": name, **options}).lr_schedule
    return [rate_factor(schedule, epoch, epochs) for epoch in range(epochs)]


def test_step_schedule() -> None:
    assert factors("step", 7, milestones=[3, 5], gamma=0.1) == pytest.approx([1, 1, 1, 0.1, 0.1, 0.01, 0.01])
    assert factors("step", 5, every=2, gamma=0.5) == pytest.approx([1, 1, 0.5, 0.5, 0.25])


def test_cosine_schedule_equals_torch() -> None:
    parameter = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10, eta_min=0.05)
    for factor in factors("cosine", 10, final=0.05):
        assert factor == pytest.approx(reference.get_last_lr()[0])
        optimizer.step()
        reference.step()


@given(
    schedule=st.sampled_from([("constant", {}), ("step", {"milestones": [4, 9]}), ("cosine", {"final": 0.0})]),
    warmup=st.integers(0, 5),
    epochs=st.integers(6, 50),
)
def test_a_schedule_rises_then_never_does_again(schedule: tuple[str, dict[str, Any]], warmup: int, epochs: int) -> None:
    name, options = schedule
    found = factors(name, epochs, warmup=warmup, **options)
    rise, rest = found[: warmup + 1], found[warmup:]
    assert all(0 < factor <= 1 for factor in found)
    assert rise[:-1] == sorted(rise[:-1])
    assert all(a >= b - 1e-12 for a, b in pairwise(rest))
