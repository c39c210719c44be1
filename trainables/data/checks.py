"""What every option has to be, in the words of one kind of message."""

from __future__ import annotations

from collections.abc import Iterable

from trainables.errors import StudyError, not_one_of


def whole(name: str, value: object, low: int) -> int:
    """`value` if it is a whole number of at least `low`, else StudyError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise StudyError(f"{name}: expected a whole number of at least {low}, got {value!r}")
    return value


def share_of_one(name: str, value: object) -> float:
    """`value` if it is a number between 0 and 1, else StudyError."""
    if not isinstance(value, int | float) or not 0 < value < 1:
        raise StudyError(f"{name}: expected a share between 0 and 1, got {value!r}")
    return value


def one_of(name: str, value: object, valid: Iterable[str]) -> None:
    """ValueError naming what is valid, and the nearest, unless `value` is one of it."""
    valid = list(valid)
    if value not in valid:
        raise not_one_of(name, value, valid)
