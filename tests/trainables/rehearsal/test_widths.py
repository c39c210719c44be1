"""How wide a stack is worth it: doubled until a trial is hardly cheaper for it, or it does not fit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from trainables.problem import problem
from trainables.recipe import Recipe
from trainables.rehearsal.widths import Width, best_width, measured, room, widest


def stacks(*seconds: float) -> Iterator[Width]:
    for doubled, one in enumerate(seconds):
        yield Width(16 << doubled, one, 100 << doubled)


@pytest.mark.parametrize(
    ("seconds", "room", "lanes"),
    [
        ([1.0, 2.0], 1e9, 16),  # a processor: twice the lanes take twice the time
        ([1.0, 1.0, 1.0, 1.95], 1e9, 64),  # a device that is full with 64
        ([1.0, 1.0, 1.0, 1.0], 250, 32),  # more would not fit
        ([1.0, 1.0], 50, 16),  # the first is taken: a pack that does not fit trains in parts
        ([1.0], 1e9, 16),
    ],
)
def test_the_widest_that_is_worth_it_and_fits(seconds: list[float], room: float, lanes: int) -> None:
    assert widest(stacks(*seconds), room) == lanes


def test_no_wider_stack_is_measured_than_has_to_be() -> None:
    widths = stacks(1.0, 2.0, 3.0)
    widest(widths, 1e9)
    assert next(widths).lanes == 64


def test_memory_that_is_out_ends_it() -> None:
    def seconds(where: object, recipe: object, lanes: int, device: str) -> float:
        if lanes > 32:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 1.0

    digits = problem({"name": "digits"}, {"name": "mlp", "widths": [4]}, 0)
    found = measured(digits, Recipe(epochs=2, batch_size=8), "cpu", seconds=seconds)
    assert [one.lanes for one in found] == [16, 32]


def test_a_network_is_measured() -> None:
    digits = problem({"name": "digits"}, {"name": "mlp", "widths": [4]}, 0)
    lanes = best_width(digits, Recipe(epochs=2, batch_size=8), "cpu")
    assert lanes in {16 << doubled for doubled in range(7)}
    assert room("cpu", 0.5) == float("inf")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_share_of_a_gpu_has_its_share_of_the_memory() -> None:
    assert 0 < room("cuda", 0.25) == room("cuda", 1.0) / 4
