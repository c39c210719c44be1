"""Where the units of a layer arrive, as edges: classes of units found again among the columns of what reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from trainables.groups.layer import Edge


def arrivals(target: str, own: Sequence[int], columns: Sequence[int]) -> tuple[Edge, ...] | None:
    """Which columns of ``target`` are of the same classes as units, in runs; None where none is.

    Args:
        own, columns: the class of each unit and of each column.
    """
    places: dict[int, list[int]] = {}
    for unit, number in enumerate(own):
        places.setdefault(number, []).append(unit)
    arriving = [column for column, number in enumerate(columns) if number in places]
    totals = Counter(columns[column] for column in arriving)
    met: Counter[int] = Counter()
    found: list[Edge] = []
    start = 0
    for end in range(1, len(arriving) + 1):
        if end < len(arriving) and arriving[end] == arriving[end - 1] + 1:
            continue
        sources = []
        for column in arriving[start:end]:
            number = columns[column]
            sources.append(places[number][met[number] * len(places[number]) // totals[number]])
            met[number] += 1
        repeat = len(sources) // len(own)
        regular = repeat > 0 and sources == [unit for unit in range(len(own)) for _ in range(repeat)]
        found.append(
            Edge(target, repeat, arriving[start]) if regular else Edge(target, 1, arriving[start], True, (*sources,))
        )
        start = end
    return tuple(found) or None
