"""What every option has to be, in the words of one kind of message."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def whole(name: str, value: object, low: int) -> int:
    """`value` if it is a whole number of at least `low`, else ValueError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ValueError(f"{name}: expected a whole number of at least {low}, got {value!r}")
    return value


def share_of_one(name: str, value: object) -> float:
    """`value` if it is a number between 0 and 1, else ValueError."""
    if not isinstance(value, int | float) or not 0 < value < 1:
        raise ValueError(f"{name}: expected a share between 0 and 1, got {value!r}")
    return value


def one_of(name: str, value: object, valid: Iterable[str]) -> None:
    """ValueError naming what is valid, and the nearest, unless `value` is one of it."""
    valid = list(valid)
    if value not in valid:
        raise ValueError(f"{name}: expected one of {', '.join(valid)}, got {value!r}{nearest(value, valid)}")


def nearest(value: object, valid: Iterable[str]) -> str:
    """ " (did you mean X?)" for the nearest valid name, empty where none is near."""
    near = get_close_matches(str(value), list(valid), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
