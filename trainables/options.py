"""What a named choice may be given, such as an optimiser: each option with its type, bounds, default and meaning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from trainables.errors import Mistake, Mistakes, nearest

Kind: TypeAlias = Literal["number", "whole number", "flag"]


@dataclass(frozen=True)
class Option:
    """One option: a number, a whole number or a flag, or a list of them.

    Attributes:
        default: None where it may be left open.
        low, high: bounds, both allowed unless ``open`` names them.
        many: a list; ``length`` says of how many, None of any number.
    """

    default: Any
    doc: str
    kind: Kind = "number"
    low: float = -math.inf
    high: float = math.inf
    open: tuple[Literal["low", "high"], ...] = ()
    many: bool = False
    length: int | None = None

    @property
    def expected(self) -> str:
        """In words: `a number in [0, 1)`."""
        if self.kind == "flag":
            return "true or false"
        left, right = ("(" if "low" in self.open else "["), (")" if "high" in self.open else "]")
        if math.isinf(self.high):
            words = "" if math.isinf(self.low) else f" {'above' if 'low' in self.open else 'of at least'} {self.low:g}"
        else:
            words = f" in {left}{self.low:g}, {self.high:g}{right}"
        if self.many:
            return f"{self.length or 'a list of'} {self.kind}s{words}"
        return f"a {self.kind}{words}"

    def checked(self, value: Any, *keys: str | int) -> Any:
        """The value, a list as a tuple. Raises Mistakes, at ``keys``."""
        if value is None and self.default is None:
            return None
        several = isinstance(value, list | tuple)
        values = list(value) if several else [value]
        if several != self.many or self.length not in (None, len(values)) or not all(map(self._fits, values)):
            raise Mistakes([Mistake(keys, self.expected, repr(value))])
        plain = [float(one) if self.kind == "number" else one for one in values]
        return tuple(plain) if self.many else plain[0]

    def _fits(self, value: Any) -> bool:
        if self.kind == "flag" or isinstance(value, bool):
            return self.kind == "flag" and isinstance(value, bool)
        if not isinstance(value, int if self.kind == "whole number" else int | float) or not math.isfinite(value):
            return False
        above = value > self.low if "low" in self.open else value >= self.low
        return above and (value < self.high if "high" in self.open else value <= self.high)


Declared: TypeAlias = Mapping[str, Mapping[str, Option]]
"""Options by the names that have them."""


def completed(declared: Declared, given: Mapping[str, Any], *keys: str | int) -> dict[str, Any]:
    """``name`` and all its options, those that are not given at their defaults.

    Raises:
        Mistakes: there is no such name, it has no such option, or a value does not fit; at ``keys``.
    """
    name = str(given.get("name"))
    if name not in declared:
        expected = f"one of {', '.join(declared)}"
        raise Mistakes([Mistake((*keys, "name"), expected, repr(name), nearest(name, declared))])
    options = declared[name]
    found: dict[str, Any] = {"name": name} | {key: option.default for key, option in options.items()}
    mistakes: list[Mistake] = []
    for key, value in given.items():
        if key == "name":
            continue
        try:
            found[key] = _option(name, key, options).checked(value, key)
        except Mistakes as wrong:
            mistakes += [mistake.under(*keys) for mistake in wrong.mistakes]
    if mistakes:
        raise Mistakes(mistakes)
    return found


def _option(name: str, key: str, options: Mapping[str, Option]) -> Option:
    if key not in options:
        expected = f"an option of {name} ({', '.join(options) or 'it has none'})"
        raise Mistakes([Mistake((key,), expected, repr(key), nearest(key, options))])
    return options[key]
