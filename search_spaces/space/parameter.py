"""A parameter of a search space: a knob under one of its names, and whether it is pinned or searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trainables.declarations import Bounds, Knob, Value


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

    `knob` says which values it may take at all, `when` which branches of the space have it ("" for all).
    """

    name: str
    knob: Knob
    domain: Pinned | Range | Choice
    why: str
    when: str = ""

    @property
    def kind(self) -> Literal["float", "int", "choice"]:
        return self.knob.kind

    @property
    def limits(self) -> Bounds:
        return self.knob.bounds

    @property
    def choices(self) -> tuple[str, ...]:
        return self.knob.choices

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
