"""The numbers that a knob may be at all, whatever range is searched."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """Finite numbers from ``low`` to ``high``; ``open``: ``low`` itself is excluded."""

    low: float = -math.inf
    high: float = math.inf
    open: bool = False

    def contains(self, value: float) -> bool:
        above = self.low < value if self.open else self.low <= value
        return math.isfinite(value) and above and value <= self.high

    def __str__(self) -> str:
        if math.isfinite(self.high):
            return f"in {'(' if self.open else '['}{self.low:g}, {self.high:g}]"
        return f"{'>' if self.open else '>='} {self.low:g}" if math.isfinite(self.low) else ""


REAL = Bounds()
NON_NEGATIVE = Bounds(0)
POSITIVE = Bounds(0, open=True)
FRACTION = Bounds(0, 1)
