"""The error for a name that is not one of those there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def not_one_of(what: str, name: object, valid: Iterable[str]) -> ValueError:
    """Says what was expected, what was got and which name is nearest."""
    names = list(valid)
    near = difflib.get_close_matches(str(name), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    expected = f"one of {', '.join(names)}" if names else "none"
    return ValueError(f"{what}: expected {expected} but got {name!r}{hint}")
