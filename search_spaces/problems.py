"""What is wrong with what a user wrote: where, what was expected, what was got, the nearest valid name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Problem:
    """One mistake; `keys` lead to it from the place that was checked, such as `("lambda", "low")`."""

    keys: tuple[str | int, ...]
    expected: str
    got: str = ""
    nearest: str = ""

    def under(self, *keys: str | int) -> Problem:
        return replace(self, keys=(*keys, *self.keys))

    def __str__(self) -> str:
        where = f"{'.'.join(map(str, self.keys))}: " if self.keys else ""
        got = f", but got {self.got}" if self.got else ""
        nearest = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"{where}expected {self.expected}{got}{nearest}"


class Problems(ValueError):
    """All the mistakes found, one per line of the message."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def nearest(name: object, valid: Iterable[object]) -> str:
    """The valid name spelt most like `name`, or an empty string when none is close."""
    close = difflib.get_close_matches(str(name).lower(), [str(v) for v in valid], n=1, cutoff=0.5)
    return close[0] if close else ""


def not_one_of(name: object, valid: Iterable[object], *keys: str | int) -> Problem:
    """`name` is none of the `valid` ones."""
    valid = list(valid)
    return Problem(keys, f"one of {', '.join(map(str, valid))}", repr(name), nearest(name, valid))
