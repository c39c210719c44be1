"""The scale of a problem: what default ranges follow from, so that they fit digits and ImageNet alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Layers: TypeAlias = int | Callable[[Mapping[str, Any]], int]
"""How many layers of the network have a knob of their own; where arguments of the network are searched it may follow
from their values."""


@dataclass(frozen=True)
class Shape:
    """A layer: ``units`` outputs, each of ``inputs`` features (of its own group) times ``kernel`` weights."""

    units: int
    inputs: int
    kernel: int = 1
    conv: bool = False


@dataclass(frozen=True)
class Scale:
    """Of a study's problem, as far as it decides how strong a penalty or how large a step is about right.

    Of several networks that are searched it is that of the largest, but for the layers: a range is the same for all.
    The default is the digits study: where a network is not known yet, ranges are those of digits.
    """

    layers: Layers = 2
    """That can have a knob of their own, to the method in question."""
    examples: int = 1078
    """Training examples, N."""
    epochs: int = 60
    """In which the method is at work."""
    steps: int = 2040
    """Optimiser steps in these epochs."""
    factor: float = 1.0
    """Mean factor of the learning rate's schedule over these epochs."""
    optimizer: str = "adam"
    loss: float = 1.0
    """Of an untrained network, in order of magnitude: the mean square of what a regression has to predict."""
    shapes: tuple[Shape, ...] = (Shape(128, 64), Shape(64, 128), Shape(10, 64))
    """All layers of the network."""
    learning: float = 1.0
    """The share of all epochs that is not polishing."""
    counts_inputs: bool = False
    """Whether an objective becomes better where fewer input features are read."""

    @property
    def units(self) -> int:
        return sum(shape.units for shape in self.shapes)

    @property
    def root_size(self) -> float:
        """Mean of sqrt(P) over the units, P weights of a unit with its bias."""
        return sum(s.units * math.sqrt(s.inputs * s.kernel + 1) for s in self.shapes) / self.units

    @property
    def outgoing(self) -> float:
        """Mean number of weights with which an input feature, or a tap of a convolution, is read: CGES's groups."""
        groups = sum(s.inputs * s.kernel for s in self.shapes)
        return sum(s.inputs * s.kernel * s.units for s in self.shapes) / groups

    @property
    def gated(self) -> float:
        """Mean number of weights on a gate of NPN's: of a linear layer's input, of a convolution's output."""
        gates = [(s.units, s.inputs * s.kernel) if s.conv else (s.inputs, s.units) for s in self.shapes]
        return sum(count * weights for count, weights in gates) / sum(count for count, _ in gates)


DIGITS = Scale()

Extent: TypeAlias = Scale | Layers
"""What is known of a problem: its scale, or only the number of layers."""


def rounded(value: float) -> float:
    """To two significant digits."""
    return float(f"{value:.1e}")
