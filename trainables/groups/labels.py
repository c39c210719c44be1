"""Labels: which unit every number of a tensor belongs to, and which units can go only together.

A tensor has labels for each way in which units can be told apart in it: an int64 tensor that broadcasts to its shape,
of size 1 along the axes that the labels do not vary along, with -1 for numbers of no unit. An activation
(1, tokens, features) of a layer has labels (1, 1, features); as (1, heads, tokens, width) it has (1, heads, 1, width).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

Operand = tuple[Sequence[int], Sequence[Tensor]]
"""The shape of a tensor and its labels."""


class Unions:
    """Labels that were joined, and those that must stay, with the reasons."""

    def __init__(self) -> None:
        self.count = 0
        self._joined: list[Tensor] = []
        self._fixed: list[tuple[Tensor, str]] = []

    def fresh(self, count: int) -> Tensor:
        """(count,) labels that are nobody's yet."""
        self.count += count
        return torch.arange(self.count - count, self.count)

    def join(self, one: Tensor, other: Tensor) -> None:
        """Numbers at the same place go together."""
        shape = np.broadcast_shapes(one.shape, other.shape)  # torch's own loads sympy
        pairs = torch.stack([label.flatten() for label in (one.expand(shape), other.expand(shape))])
        pairs = pairs[:, (pairs >= 0).all(0) & (pairs[0] != pairs[1])]
        if pairs.numel():
            self._joined.append(pairs.unique(dim=1) if pairs.shape[1] > 4096 else pairs)  # type: ignore[no-untyped-call]

    def fix(self, labels: Tensor, reason: str) -> None:
        self._fixed.append((labels[labels >= 0], reason))

    def classes(self) -> tuple[Tensor, dict[int, str]]:
        """(count,) the number of each label's class, and why those that must stay do."""
        numbers = _components(self.count, torch.cat([*self._joined, torch.zeros(2, 0, dtype=torch.int64)], 1))
        reasons: dict[int, str] = {}
        for labels, reason in self._fixed:
            for number in numbers[labels].unique().tolist():  # type: ignore[no-untyped-call]
                reasons.setdefault(number, reason)
        return numbers, reasons

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
            left = self.collapse_all(label, alone, reason)
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
            self.join(large, small)
            return [small]
        self.fix(small, reason)
        left = self.collapse_all(large, sorted(fewer & more), reason)
        return [] if left is None else [left]


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
