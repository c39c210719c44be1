"""Lengths of time as people write them: 2h, 90m, 1h30m, 45s."""

from __future__ import annotations

import re

from trainables.errors import StudyError

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|min|m|s)")


def seconds(option: str, text: str) -> float:
    """
    Raises:
        StudyError: it is none.
    """
    parts = _PART.findall(text)
    found = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if _PART.sub("", text).strip() or found <= 0:
        raise StudyError(f"{option}: expected a length of time such as 2h, 90m or 1h30m, but got {text!r}")
    return found
