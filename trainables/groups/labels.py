"""Labels: which unit every number of a tensor belongs to, and which units can go only together.

A tensor has labels for each way in which units can be told apart in it: an int64 tensor that broadcasts to its shape,
of size 1 along the axes that the labels do not vary along, with -1 for numbers of no unit. An activation
(1, tokens, features) of a layer has labels (1, 1, features); as (1, heads, tokens, width) it has (1, heads, 1, width).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

Operand = tuple[Sequence[int], Sequence[Tensor]]
"""The shape of a tensor and its labels."""


class Unions:
    """Labels that were joined, and those that must stay, with the reasons.

    Joins inside of attention heads are kept apart. A number of q and the one of k that it is multiplied with are two
    *factors*, and a *dimension* together; all dimensions of a head are *gathered*.
    """

    def __init__(self) -> None:
        self.count = 0
        self._joined: list[Tensor] = []
        self._factors: list[Tensor] = []
        self._gathered: list[Tensor] = []
        self._fixed: list[tuple[Tensor, str]] = []
        self._stuck: list[tuple[Tensor, str]] = []

    def fresh(self, count: int) -> Tensor:
        """(count,) labels that are nobody's yet."""
        self.count += count
        return torch.arange(self.count - count, self.count)

    def join(self, one: Tensor, other: Tensor) -> None:
        """Numbers at the same place go together."""
        self._joined += _pairs(one, other)

    def gather(self, one: Tensor, other: Tensor) -> None:
        """Numbers at the same place are of the same head."""
        self._gathered += _pairs(one, other)

    def multiply(self, one: Tensor, other: Tensor) -> None:
        """Numbers at the same place are factors of a dimension of a head."""
        self._factors += _pairs(one, other)
        self.leave(one[other < 0], "multiplied with numbers of no unit inside of its heads")
        self.leave(other[one < 0], "multiplied with numbers of no unit inside of its heads")

    def leave(self, labels: Tensor, reason: str) -> None:
        """They are no dimensions that could go without the whole head."""
        self._stuck.append((labels[labels >= 0], reason))

    def fix(self, labels: Tensor, reason: str) -> None:
        self._fixed.append((labels[labels >= 0], reason))

    def classes(self) -> tuple[Tensor, dict[int, str]]:
        """(count,) the number of each label's class, and why those that must stay do."""
        numbers = self._classes(*self._joined, *self._factors, *self._gathered)
        reasons: dict[int, str] = {}
        for labels, reason in self._fixed:
            for number in numbers[labels].unique().tolist():  # type: ignore[no-untyped-call]
                reasons.setdefault(number, reason)
        return numbers, reasons

    @cached_property
    def inner(self) -> Inner:
        """Of a run that is over."""
        dimensions = self._classes(*self._joined, *self._factors)
        factors = self._classes(*self._joined)
        sides = [frozenset(n for pairs in self._factors for n in factors[pairs[i]].tolist()) for i in (0, 1)]
        stuck: dict[int, str] = {}
        for labels, reason in (*self._stuck, *self._fixed):
            stuck |= dict.fromkeys(dimensions[labels].tolist(), reason)
        return Inner(dimensions, factors, (sides[0], sides[1]), stuck)

    def _classes(self, *pairs: Tensor) -> Tensor:
        return _components(self.count, torch.cat([*pairs, torch.zeros(2, 0, dtype=torch.int64)], 1))

    # -- what operations do to labels ----------------------------------------------------------------------------

    def collapse(self, label: Tensor, axis: int, reason: str) -> Tensor | None:
        """Labels that differ along ``axis`` go together; if none is left to tell apart they stay, for this reason."""
        first = label.amax(axis, keepdim=True)
        self.join(label, first)
        first = compressed(first)
        if varying(first):
            return first
        self.fix(first, reason)
        return None

    def contract(self, label: Tensor, axis: int, reason: str) -> Tensor | None:
        """Labels of the batches of a product, whose units along ``axis`` are summed up."""
        if varying(label) != (0, axis):
            return self.collapse_all(label, [axis], reason)
        own, places = label.amax(axis, keepdim=True).unique(return_inverse=True)  # type: ignore[no-untyped-call]
        heads = self.fresh(len(own)).where(own >= 0, -1)[places]
        self.gather(label, heads)
        return heads

    def collapse_all(self, label: Tensor, axes: Sequence[int], reason: str) -> Tensor | None:
        for axis in axes:
            found = self.collapse(label, axis, reason) if axis in varying(label) else label
            if found is None:
                return None
            label = found
        return label

    def elementwise(self, operands: Sequence[Operand], dims: int, reason: str) -> list[Tensor]:
        """The labels of a tensor with ``dims`` axes computed number by number from those that broadcast to it."""
        aligned = [
            ((1,) * (dims - len(shape)) + tuple(shape), [_deeper(label, dims) for label in labels])
            for shape, labels in operands
        ]
        merged: list[Tensor] = []
        for _, labels in aligned:
            for label in labels:
                partner = next((i for i, m in enumerate(merged) if set(varying(m)) & set(varying(label))), None)
                if partner is None:
                    merged.append(label)
                else:
                    merged[partner : partner + 1] = self._merged(merged[partner], label, reason)
        found = []
        for label in merged:
            alone = [
                axis
                for axis in varying(label)
                for shape, labels in aligned
                if shape[axis] > 1 and not any(axis in varying(other) for other in labels)
            ]
            left = self._gathered_along(label, alone, reason)
            if left is not None:
                found.append(left)
        return found

    def _merged(self, one: Tensor, other: Tensor, reason: str) -> list[Tensor]:
        axes, others = set(varying(one)), set(varying(other))
        if axes == others:
            self.join(one, other)
            self.fix(one.expand_as(other)[other < 0], reason)
            self.fix(other.expand_as(one)[one < 0], reason)
            return [torch.where(one >= 0, one, other)]
        large, small = (one, other) if axes > others else (other, one)
        more, fewer = set(varying(large)), set(varying(small))
        if more > fewer and min(more) in fewer:  # per head, on numbers that are each of a head
            self.gather(large, small)
            return [large]
        self.fix(small, reason)
        along = self._gathered_along if more > fewer else self.collapse_all
        left = along(large, sorted(fewer & more), reason)
        return [] if left is None else [left]

    def _gathered_along(self, label: Tensor, axes: Sequence[int], reason: str) -> Tensor | None:
        """Numbers that each dimension has of its own are no matter inside of heads: tensors keep their width there."""
        if not axes or not set(varying(label)) - set(axes):
            return self.collapse_all(label, axes, reason)
        self.gather(label, label.amax(tuple(axes), keepdim=True))
        return label


@dataclass(frozen=True)
class Inner:
    """What is told apart inside of heads; the first two (count,) by label."""

    dimensions: Tensor
    """The number of each label's class, factors of a dimension together."""
    factors: Tensor
    """The same, factors apart."""
    sides: tuple[frozenset[int], frozenset[int]]
    """The factors on the left and on the right of products."""
    stuck: dict[int, str]
    """Why a dimension stays as long as its head."""


def _pairs(one: Tensor, other: Tensor) -> list[Tensor]:
    """[(2, n)]: those at the same places that differ, or none."""
    shape = np.broadcast_shapes(one.shape, other.shape)  # torch's own loads sympy
    pairs = torch.stack([label.flatten() for label in (one.expand(shape), other.expand(shape))])
    pairs = pairs[:, (pairs >= 0).all(0) & (pairs[0] != pairs[1])]
    if not pairs.numel():
        return []
    return [pairs.unique(dim=1) if pairs.shape[1] > 4096 else pairs]  # type: ignore[no-untyped-call]


def varying(label: Tensor) -> tuple[int, ...]:
    return tuple(axis for axis, size in enumerate(label.shape) if size > 1)


def compressed(label: Tensor) -> Tensor:
    """Of size 1 along the axes that it does not vary along."""
    for axis, size in enumerate(label.shape):
        if size > 1:
            first = label.narrow(axis, 0, 1)
            if label.stride(axis) == 0 or bool((label == first).all()):
                label = first
    return label


def along(label: Tensor, axis: int, shape: Sequence[int]) -> Tensor:
    """(shape[axis],) of labels that vary along this axis at most."""
    return label.movedim(axis, 0).flatten().expand(shape[axis])


def spread(label: Tensor, axis: int, dims: int) -> Tensor:
    """(n,) as the labels of a tensor of ``dims`` axes."""
    shape = [1] * dims
    shape[axis] = -1
    return label.view(shape)


def _deeper(label: Tensor, dims: int) -> Tensor:
    return label.view((1,) * (dims - label.dim()) + tuple(label.shape))


def _components(count: int, pairs: Tensor) -> Tensor:
    """(count,) the number of each node's connected component, by their first nodes; ``pairs`` (2, n) are the edges.

    Every node points to a smaller one of its component, or to itself; each round the smaller end of every edge takes
    over the other's, and paths are shortened to their ends.
    """
    points_to = torch.arange(count)
    while True:
        one, other = points_to[pairs]
        low = torch.minimum(one, other)
        joined = points_to.scatter_reduce(0, torch.cat([one, other]), torch.cat([low, low]), "amin")
        while not torch.equal(shorter := joined[joined], joined):
            joined = shorter
        if torch.equal(joined, points_to):
            return joined.unique(return_inverse=True)[1]  # type: ignore[no-untyped-call, no-any-return]
        points_to = joined
