"""Data for a page: short numbers, and JSON that is safe inside a script element."""

import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

DIGITS = 6
"""Significant digits of numbers on a page: more than any axis shows."""


def numbers(values: "pd.Series[Any] | Iterable[Any]") -> list[int | float | None]:
    """Values rounded to six digits, whole ones as integers, what is unknown or infinite as null."""
    return [number(value) for value in (values.tolist() if isinstance(values, pd.Series) else values)]


def number(value: Any) -> int | float | None:
    if value is None or value is pd.NA or not math.isfinite(value):
        return None
    if isinstance(value, int | np.integer) or float(value).is_integer():
        return int(value)
    return float(f"{float(value):.{DIGITS}g}")


def words(values: "pd.Series[Any]") -> list[str | None]:
    return [None if value is None or value is pd.NA or value != value else str(value) for value in values.tolist()]


def script_json(value: object) -> str:
    """JSON that cannot end the script element it stands in, whatever text it holds."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    # All other places where HTML could take over begin with one of these; JSON reads the escapes as the same text.
    for symbol in "<>&":
        text = text.replace(symbol, f"\\u{ord(symbol):04x}")
    return text
