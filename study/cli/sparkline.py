"""A curve in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float | None], width: int = 40) -> str:
    """The values as bars from the lowest to the highest, means of neighbours where there are more than ``width``.

    What is missing or not finite leaves a gap.
    """
    finite = [math.nan if value is None or not math.isfinite(value) else float(value) for value in values]
    count = min(width, len(finite))
    edges = [index * len(finite) // count for index in range(count + 1)] if count else []
    means = [_mean(finite[start:end]) for start, end in pairwise(edges)]
    known = [mean for mean in means if not math.isnan(mean)]
    if not known:
        return ""
    low, span = min(known), max(known) - min(known)
    return "".join(" " if math.isnan(mean) else _bar((mean - low) / span if span else 0.5) for mean in means)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _bar(share: float) -> str:
    return _BARS[min(int(share * len(_BARS)), len(_BARS) - 1)]
