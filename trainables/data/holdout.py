"""Which examples are held out of training: stratified draws by largest remainders."""

from __future__ import annotations

import numpy as np

from trainables.data.checks import share_of_one
from trainables.data.parts import Array, Part
from trainables.errors import StudyError


def choose(labels: Array, count: int, rng: np.random.Generator) -> Array:
    """`count` row numbers, ascending, the classes in the proportions of `labels` (largest remainders)."""
    classes, sizes = np.unique(labels, return_counts=True)
    quota = sizes * count / len(labels)
    take = np.floor(quota).astype(int)
    take[np.argsort(take - quota, kind="stable")[: count - take.sum()]] += 1
    chosen = [rng.permutation(np.flatnonzero(labels == c))[:n] for c, n in zip(classes, take, strict=True)]
    return np.sort(np.concatenate(chosen))


def hold_out(part: Part, count: int, stratify: bool, rng: np.random.Generator) -> tuple[Part, Part]:
    """Split off `count` examples: (the rest, the held out)."""
    held = choose(part.strata(stratify), count, rng)
    rest = np.setdiff1d(np.arange(len(part.x)), held, assume_unique=True)
    return part.rows(rest), part.rows(held)


def count_of(share: float, pool: int, name: str) -> int:
    """How many of `pool` examples are `share` of them; ValueError, naming the option, for all or none."""
    count = round(share_of_one(name, share) * pool)
    if not 0 < count < pool:
        raise StudyError(f"{name}: {share} of {pool} examples is {count}, which leaves a split empty")
    return count


def extra(share: float, train: int) -> int:
    """How many examples to draw beside `train` so that they are the share `share` of both."""
    return max(1, round(train * share / (1 - share)))
