"""What a model asks of the shapes and options it is given; every message says what was expected."""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from torch import nn

from trainables.errors import StudyError


def sizes(option: str, values: Sequence[int], *, length: int | None = None) -> tuple[int, ...]:
    """`values` as a tuple of positive integers, `length` of them if given; raises ValueError otherwise."""
    listed = isinstance(values, Sequence) and not isinstance(values, str) and all(map(_positive, values))
    if not listed or length not in (None, len(values)):
        many = "a list of" if length is None else f"a list of exactly {length}"
        raise StudyError(f"{option} must be {many} positive integers, got {values!r}")
    return tuple(map(int, values))


def size(option: str, value: int) -> int:
    """`value` if it is a positive integer; raises ValueError otherwise."""
    if not _positive(value):
        raise StudyError(f"{option} must be a positive integer, got {value!r}")
    return int(value)


def probability(option: str, value: float) -> float:
    """`value` if it is in [0, 1); raises ValueError otherwise."""
    if not isinstance(value, Real) or not 0 <= value < 1:
        raise StudyError(f"{option} must be a probability from 0 to below 1, got {value!r}")
    return float(value)


def image(model: str, input_shape: Sequence[int]) -> tuple[int, int, int]:
    """`input_shape` as (channels, height, width); raises ValueError for flat inputs and all others."""
    if len(input_shape) != 3:
        raise StudyError(
            f"{model} needs images of shape (channels, height, width), got {tuple(input_shape)}; "
            "take images from the data, e.g. (1, 8, 8) in place of (64,), or a model for flat inputs (mlp)"
        )
    channels, height, width = input_shape
    return channels, height, width


def flat_features(layers: Mapping[str, nn.Module], input_shape: Sequence[int]) -> int:
    """Number of values per image (channels, height, width) that `layers`, one after the other, give.

    Every side becomes floor((side + 2*padding - kernel) / stride) + 1 in a convolution or pooling.
    Raises ValueError, naming the layer, where nothing of the image is left.
    """
    channels, *sides = input_shape
    for name, layer in layers.items():
        if isinstance(layer, nn.AdaptiveAvgPool2d):
            sides = [1, 1]
        elif isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            window = zip(sides, *map(_pair, (layer.padding, layer.kernel_size, layer.stride)), strict=True)
            sides = [(side + 2 * padding - kernel) // stride + 1 for side, padding, kernel, stride in window]
        if isinstance(layer, nn.Conv2d):
            channels = layer.out_channels
        if min(sides) < 1:
            raise StudyError(
                f"images of shape {tuple(input_shape)} are too small: nothing is left of them after {name}; "
                "take larger images or fewer convolutions and poolings"
            )
    return channels * math.prod(sides)


def _positive(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0


def _pair(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)
