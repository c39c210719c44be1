"""The dimensions inside the heads of an attention: a number of q with the one of k that it meets, and numbers of v."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain

from torch import nn

from trainables.groups.arrivals import arrivals
from trainables.groups.layer import Inside, Layer
from trainables.groups.tracker import Tracker

Numbers = dict[str, list[int]]


class Dimensions:
    """What `Tracker` says of the inside of heads."""

    def __init__(self, tracker: Tracker, modules: Mapping[str, nn.Module]) -> None:
        self.tracker, self.modules = tracker, modules

    @cached_property
    def columns(self) -> Numbers:
        """By layer, norm and other tensor: the dimension of each column."""
        numbers, tracker = self.tracker.unions.inner.dimensions, self.tracker
        found = {name: numbers[labels].tolist() for name, labels in tracker.columns.items()}
        others = {name: [*chain(*(numbers[x].tolist() for x in axes))] for name, axes in tracker.slices.items()}
        return found | others

    @cached_property
    def places(self) -> dict[int, set[str]]:
        """By dimension: what has columns of it."""
        found: dict[int, set[str]] = {}
        for name, numbers in self.columns.items():
            for number in numbers:
                found.setdefault(number, set()).add(name)
        return found

    def within(self, layers: Sequence[Layer]) -> list[Layer]:
        """The layers of a set of heads, with the dimensions inside of these, or why those stay as long as their heads.

        Units that meet others in a product, those of q and k, then are no columns of what reads the heads: they steer.
        """
        inner = self.tracker.unions.inner
        rows: Numbers = {layer.name: inner.dimensions[self.tracker.rows[layer.name]].tolist() for layer in layers}
        factors: Numbers = {name: inner.factors[self.tracker.rows[name]].tolist() for name in rows}
        found: dict[str, tuple[Inside | None, str]] = {}
        for members in _sharing(rows):
            known = dict.fromkeys(number for name in members for number in rows[name])
            reasons = set(self._reasons(members, known, [(rows[name], factors[name]) for name in members]))
            order, tie = {number: place for place, number in enumerate(known)}, list(self.modules).index(members[0])
            for name in members:
                sides = [0 if n in inner.sides[0] else 1 if n in inner.sides[1] else -1 for n in factors[name]]
                own = Inside(tie, tuple(order[number] for number in rows[name]), tuple(sides))
                found[name] = None if reasons else own, "; ".join(sorted(reasons))
        made = []
        for layer in layers:
            inside, rigid = found[layer.name]
            numbers, targets = rows[layer.name], dict.fromkeys(edge.layer for edge in layer.feeds)
            feeds = tuple(edge for name in targets for edge in arrivals(name, numbers, self.columns[name]) or ())
            units = zip(numbers, factors[layer.name], strict=True)
            steers = () if all(self._read(n) and not self._multiplied(f) for n, f in units) else layer.feeds
            made.append(replace(layer, inside=inside, rigid=rigid, feeds=feeds, steers=steers))
        return made

    def _read(self, dimension: int) -> bool:
        return not self.modules.keys().isdisjoint(self.places.get(dimension, ()))

    def _multiplied(self, factor: int) -> bool:
        return any(factor in side for side in self.tracker.unions.inner.sides)

    def _reasons(
        self, members: Sequence[str], numbers: Mapping[int, None], units: Sequence[tuple[list[int], list[int]]]
    ) -> Iterator[str]:
        inner = self.tracker.unions.inner
        yield from (inner.stuck[number] for number in numbers if number in inner.stuck)
        around = {name for number in numbers for name in self.places.get(number, ())}
        yield from (f"{name} lies inside of its heads" for name in around if name not in self.modules)
        for name in (*members, *(around & self.modules.keys())):
            if not isinstance(self.modules[name], nn.Linear):
                yield f"{name} is no linear layer"
        for own, factors in units:
            if any(self._read(n) == self._multiplied(f) for n, f in zip(own, factors, strict=True)):
                yield "its dimensions are not multiplied in pairs or read one by one"
            if any(factor in inner.sides[0] & inner.sides[1] for factor in factors):
                yield "its dimensions are multiplied with themselves"


def _sharing(rows: Numbers) -> list[list[str]]:
    """The layers that share numbers, those that share numbers with these, and so on."""
    found: list[list[str]] = []
    for name, own in rows.items():
        joined = [members for members in found if any(not set(rows[m]).isdisjoint(own) for m in members)]
        found = [*(members for members in found if members not in joined), [*chain(*joined), name]]
    return found
