"""Mean and standard deviation of a split, exact and out of memory."""

from __future__ import annotations

import numpy as np

from trainables.data import cache
from trainables.data.parts import Array, Part

_BLOCK = 4096  # examples counted at a time


def moments(part: Part) -> tuple[Array, Array]:
    """Mean and standard deviation, (channels,) of images with pixels as x/255, (features,) of vectors.

    A standard deviation of 0 is given as 1.
    """
    x = part.x
    if x.dtype == np.uint8:
        shape = (x.shape[1], 256)
        key = None if part.key is None else cache.fingerprint(part.key, "histogram")
        counts = _histogram(x) if key is None else cache.array(key, shape, np.int64, lambda: [_histogram(x)])
        levels = np.arange(256) / 255
        weights = counts / counts.sum(axis=1, keepdims=True)
        mean = weights @ levels
        std = np.sqrt(np.maximum(weights @ levels**2 - mean**2, 0))
    else:
        axes = (0, *range(2, x.ndim))
        mean, std = x.mean(axis=axes, dtype=np.float64), x.std(axis=axes, dtype=np.float64)
    return mean, np.where(std > 1e-12, std, 1.0)


def _histogram(x: Array) -> Array:
    counts = np.zeros((x.shape[1], 256), np.int64)
    for start in range(0, len(x), _BLOCK):
        for channel, row in enumerate(counts):
            row += np.bincount(x[start : start + _BLOCK, channel].ravel(), minlength=256)
    return counts
