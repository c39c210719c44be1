"""Random streams that are pure functions of a seed and counters, so that nothing about a pack changes a lane's draw.

A generator has a position, and the position depends on who drew before. Here every draw is named instead: the lane's
seed, a purpose, the step. There is no state to checkpoint, and the same trial draws the same numbers alone, in any
pack, after a restart and on any device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from trainables.seeds import seed_of

_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
_MIX_1 = 0xBF58476D1CE4E5B9 - (1 << 64)
_MIX_2 = 0x94D049BB133111EB - (1 << 64)


def generator(*parts: object) -> torch.Generator:
    """A CPU generator seeded by ``seed_of(*parts)``."""
    return torch.Generator().manual_seed(seed_of(*parts))


def uniform(seeds: Tensor, shape: Sequence[int], *counters: int | Tensor) -> Tensor:
    """Uniform draws in [0, 1) on a grid of 2^-24, a pure function of the seeds and the counters.

    Args:
        seeds: (P,) int64, one per lane.
        shape: shape of one lane's draw.
        counters: whole numbers that name the draw (purpose, step, ...). Several steps at once are a tensor of them,
            with which the seeds broadcast: (P, 1) and (S,) give (P, S, *shape).

    Returns:
        (P, *shape) float32 on the device of ``seeds``.

    Reference: splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014) in counter mode.
    """
    key = seeds
    for counter in counters:
        # A number is multiplied here: a tensor of it would make a GPU wait.
        key = _mix(key + ((counter + 1) * _GOLDEN if isinstance(counter, Tensor) else _signed((counter + 1) * _GOLDEN)))
    index = torch.arange(math.prod(shape), device=seeds.device)
    bits = _mix(key.unsqueeze(-1) + index * _GOLDEN)
    return (_shift(bits, 40).to(torch.float32) * 2.0**-24).reshape(*key.shape, *shape)


def _signed(number: int) -> int:
    """As 64 bits hold it."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def _mix(z: Tensor) -> Tensor:
    z = (z ^ _shift(z, 30)) * _MIX_1
    z = (z ^ _shift(z, 27)) * _MIX_2
    return z ^ _shift(z, 31)


def _shift(z: Tensor, bits: int) -> Tensor:
    """Logical right shift: torch's own carries the sign along."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)
