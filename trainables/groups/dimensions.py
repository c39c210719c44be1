"""The dimensions inside the heads of an attention: a number of q with the one of k that it meets, and numbers of v."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import replace
from itertools import chain

from torch import nn

from trainables.groups.arrivals import arrivals
from trainables.groups.graph import Inside, Layer
from trainables.groups.tracker import Tracker

Numbers = dict[str, list[int]]


def with_dimensions(layers: list[Layer], tracker: Tracker, modules: Mapping[str, nn.Module]) -> list[Layer]:
    """The layers of a set of heads, with the dimensions inside of these, or why those stay as long as their heads.

    Units that meet others in a product, those of q and k, then are no columns of what reads the heads: they steer it.
    """
    inner = tracker.unions.inner
    rows: Numbers = {layer.name: inner.dimensions[tracker.rows[layer.name]].tolist() for layer in layers}
    factors: Numbers = {name: inner.factors[tracker.rows[name]].tolist() for name in rows}
    columns: Numbers = {name: inner.dimensions[labels].tolist() for name, labels in tracker.columns.items()}
    for name, found in tracker.slices.items():
        columns[name] = [number for labels in found for number in inner.dimensions[labels].tolist()]
    read = {number for name in modules for number in columns[name]}
    multiplied = inner.sides[0] | inner.sides[1]
    found: dict[str, tuple[Inside | None, str]] = {}
    for members in _sharing(rows):
        numbers = dict.fromkeys(number for name in members for number in rows[name])
        rigid = {inner.stuck[number] for number in numbers if number in inner.stuck}
        rigid |= {*_in_the_way(members, numbers.keys(), columns, modules)}
        if any((n in read) == (f in multiplied) for m in members for n, f in zip(rows[m], factors[m], strict=True)):
            rigid.add("its dimensions are not multiplied in pairs or read one by one")
        if not inner.sides[0].isdisjoint(inner.sides[1].intersection(chain(*(factors[name] for name in members)))):
            rigid.add("its dimensions are multiplied with themselves")
        order, tie = {number: place for place, number in enumerate(numbers)}, list(modules).index(members[0])
        for name in members:
            sides = [0 if n in inner.sides[0] else 1 if n in inner.sides[1] else -1 for n in factors[name]]
            inside = Inside(tie, tuple(order[number] for number in rows[name]), tuple(sides))
            found[name] = None if rigid else inside, "; ".join(sorted(rigid))
    made = []
    for layer in layers:
        inside, reason = found[layer.name]
        targets = dict.fromkeys(edge.layer for edge in layer.feeds)
        made.append(
            replace(
                layer,
                inside=inside,
                rigid=reason,
                feeds=tuple(x for t in targets for x in arrivals(t, rows[layer.name], columns[t]) or ()),
                steers=() if read.issuperset(rows[layer.name]) else layer.feeds,
            )
        )
    return made


def _sharing(rows: Numbers) -> list[list[str]]:
    """The layers that share numbers, those that share numbers with these, and so on."""
    found: list[list[str]] = []
    for name, own in rows.items():
        joined = [members for members in found if any(not set(rows[m]).isdisjoint(own) for m in members)]
        found = [*(members for members in found if members not in joined), [*chain(*joined), name]]
    return found


def _in_the_way(
    members: Collection[str], numbers: Set[int], columns: Numbers, modules: Mapping[str, nn.Module]
) -> Iterator[str]:
    for name, found in columns.items():
        if not numbers.isdisjoint(found):
            if name not in modules:
                yield f"{name} lies inside of its heads"
            else:
                members = [*members, name]
    for name in members:
        if not isinstance(modules[name], nn.Linear):
            yield f"{name} is no linear layer"
