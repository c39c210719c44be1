"""Which trials can still become parents: all others may be forgotten.

NSGA-II takes its parents front by front. A trial that `size` others precede is never among the first `size`, whatever
comes later, since each of them has a better rank and keeps it. So what is left is the `size`-skyband of all trials
(Papadias et al., "Progressive skyline computation in database systems", 2005), from which breeding chooses the same
parents as from all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Elite:
    """The numbers of the trials that fewer than ``size`` others precede.

    One trial precedes another if it dominates it, both being feasible, or if it violates less.
    """

    def __init__(self, size: int, objectives: int) -> None:
        self._size = size
        self._numbers = np.empty(0, np.int64)
        self._losses = np.empty((0, objectives))
        self._penalties = np.empty(0)
        self._before = np.empty(0, np.int64)
        """How many trials precede each."""

    def __contains__(self, number: int) -> bool:
        return bool((self._numbers == number).any())

    @property
    def numbers(self) -> list[int]:
        return [int(number) for number in self._numbers]

    def add(self, numbers: Sequence[int], losses: Sequence[Sequence[float]], penalties: Sequence[float]) -> list[int]:
        """Take in trials, and return the numbers of those that are out from now on.

        Args:
            losses: (trials, objectives), smaller is better.
            penalties: (trials,), 0 where nothing is violated.
        """
        if not numbers:
            return []
        known = len(self._numbers)
        new_losses = np.asarray(losses, float).reshape(len(numbers), -1)
        self._numbers = np.concatenate([self._numbers, np.asarray(numbers, np.int64)])
        self._losses = np.concatenate([self._losses, new_losses])
        self._penalties = np.concatenate([self._penalties, np.asarray(penalties, float)])
        self._before = np.concatenate([self._before, np.zeros(len(numbers), np.int64)])
        everyone, new = slice(None), slice(known, None)
        self._before[:known] += self._precede(new, slice(0, known)).sum(axis=0)
        self._before[known:] = self._precede(everyone, new).sum(axis=0)
        stay = self._before < self._size
        out = [int(number) for number in self._numbers[~stay]]
        if out:
            self._numbers, self._losses = self._numbers[stay], self._losses[stay]
            self._penalties, self._before = self._penalties[stay], self._before[stay]
        return out

    def _precede(self, some: slice, others: slice) -> NDArray[np.bool_]:
        """(some, others): whether the one precedes the other."""
        a, b = self._losses[some, None], self._losses[None, others]
        p, q = self._penalties[some, None], self._penalties[None, others]
        dominates = (a <= b).all(axis=2) & (a < b).any(axis=2)
        found: NDArray[np.bool_] = (p < q) | (dominates & (p == 0) & (q == 0))
        return found
