"""What passes between the readers and `assemble`: a request, arrays by split, what a reader found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.data import cache
from trainables.data.dataset import Task

Array = NDArray[Any]
_BLOCK = 4096  # rows copied at a time: an array may be larger than memory


@dataclass(frozen=True)
class Request:
    """What was asked for, in the words all readers share; `path` means nothing to data that is generated."""

    name: str
    path: Path
    seed: int
    validation: float


@dataclass(frozen=True, eq=False)
class Part:
    """Examples as arrays; `y` is None for reconstruction.

    `key` names the cache entry that `x` is mapped from, None for an array in memory.
    """

    x: Array
    y: Array | None = None
    key: str | None = None

    def strata(self, stratify: bool) -> Array:
        """What a share is drawn in proportion to: the labels, or one class for all."""
        return self.y if stratify and self.y is not None else np.zeros(len(self.x), np.int64)

    def rows(self, rows: Array) -> Part:
        """The examples `rows`, mapped from a cache entry of their own when `x` is."""
        if len(rows) == len(self.x):
            return self
        y = None if self.y is None else self.y[rows]
        if self.key is None:
            return Part(self.x[rows], y)
        key = cache.fingerprint(self.key, rows.tobytes())
        shape = (len(rows), *self.x.shape[1:])
        return Part(cache.array(key, shape, self.x.dtype, lambda: _blocks(self.x, rows)), y, key)


@dataclass(frozen=True)
class Found:
    """A reader's result: `parts` holds "train" and, where the data set has them, "validation" and "test"."""

    source: str
    task: Task
    parts: dict[str, Part]
    classes: tuple[str, ...] = ()
    normalise: bool = True  # by the statistics of the train split; otherwise the values are used as they are
    columns: tuple[str, ...] = ()  # names of the features
    label: str | None = None  # the column that is learned
    chosen: tuple[str, ...] = ()  # why this label and this task


def _blocks(x: Array, rows: Array) -> Iterator[Array]:
    for start in range(0, len(rows), _BLOCK):
        yield x[rows[start : start + _BLOCK]]
