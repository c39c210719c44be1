"""Errors of the user's: what was expected, what was got, the nearest valid name; raised by all parts of the project."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace


class StudyError(ValueError):
    """Something the user can put right; its message says where, what was expected and what was got.

    Any other ValueError is a bug.
    """


@dataclass(frozen=True)
class Mistake:
    """One mistake; `keys` lead to it from the place that was checked, such as `("lambda", "low")`."""

    keys: tuple[str | int, ...]
    expected: str
    got: str = ""
    nearest: str = ""

    @classmethod
    def of_name(cls, name: object, valid: Iterable[object], *keys: str | int) -> Mistake:
        """`name` is none of the `valid` ones."""
        valid = list(valid)
        expected = f"one of {', '.join(map(str, valid))}" if valid else "none"
        return cls(keys, expected, repr(name), nearest(name, valid))

    def under(self, *keys: str | int) -> Mistake:
        return replace(self, keys=(*keys, *self.keys))

    def __str__(self) -> str:
        where = f"{'.'.join(map(str, self.keys))}: " if self.keys else ""
        got = f", but got {self.got}" if self.got else ""
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"{where}expected {self.expected}{got}{hint}"


class Mistakes(StudyError):
    """All the mistakes found, one per line of the message."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


def nearest(name: object, valid: Iterable[object]) -> str:
    """The valid name spelt most like `name`, or an empty string when none is close."""
    spelt = {str(v).lower(): str(v) for v in valid}
    close = difflib.get_close_matches(str(name).lower(), spelt, n=1) or _abbreviated(str(name).lower(), spelt)
    return spelt[close[0]] if close else ""


def _abbreviated(name: str, valid: Iterable[str]) -> list[str]:
    """Those of which the name is an abbreviation: grp of group_lasso."""

    def shortens(whole: str) -> bool:
        letters = iter(whole)
        return name[:1] == whole[:1] and all(letter in letters for letter in name)

    return [whole for whole in valid if len(name) > 1 and shortens(whole)]


def not_one_of(what: str, name: object, valid: Iterable[object]) -> StudyError:
    """The error for a `name` of `what` that is none of the `valid` ones."""
    return Mistakes([Mistake.of_name(name, valid, what)])
