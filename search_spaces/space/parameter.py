"""A hyperparameter: its type, the values that make sense, and whether it is pinned or searched."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

Value: TypeAlias = float | int | str | bool


class Limits(NamedTuple):
    """The numbers that make sense at all, whatever range is searched."""

    low: float = -math.inf
    high: float = math.inf
    open: bool = False  # the lower end itself is excluded

    def contains(self, value: float) -> bool:
        above = self.low < value if self.open else self.low <= value
        return math.isfinite(value) and above and value <= self.high

    def __str__(self) -> str:
        if math.isfinite(self.high):
            return f" in {'(' if self.open else '['}{self.low:g}, {self.high:g}]"
        return f" {'>' if self.open else '>='} {self.low:g}" if math.isfinite(self.low) else ""


REAL = Limits()
NON_NEGATIVE = Limits(0)
POSITIVE = Limits(0, open=True)
FRACTION = Limits(0, 1)


@dataclass(frozen=True)
class Pinned:
    """Not searched: every trial gets this value."""

    value: Value

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True)
class Range:
    """Searched from `low` to `high`, both included; the scale is linear or logarithmic."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def __str__(self) -> str:
        step = f", step {self.step:g}" if self.step else ""
        return f"{self.low:g} .. {self.high:g}{' (log)' if self.log else ''}{step}"


@dataclass(frozen=True)
class Choice:
    """Searched among these values."""

    choices: tuple[Value, ...]

    def __str__(self) -> str:
        return " | ".join(map(str, self.choices))


@dataclass(frozen=True)
class Parameter:
    """One name of a search space.

    `choices` are all the values a parameter of kind "choice" may take, `limits` bound the numbers, `log` is
    the scale of a range that does not name one, `when` says which branches of the space have it ("" for all).
    """

    name: str
    kind: Literal["float", "int", "choice"]
    domain: Pinned | Range | Choice
    why: str
    limits: Limits = REAL
    choices: tuple[Value, ...] = ()
    log: bool = False
    when: str = ""

    @property
    def searched(self) -> bool:
        return not isinstance(self.domain, Pinned)

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest number it can be; only for numbers."""
        match self.domain:
            case Range(low, high):
                return low, high
            case Choice(choices):
                return min(map(float, choices)), max(map(float, choices))
            case Pinned(value):
                return float(value), float(value)
