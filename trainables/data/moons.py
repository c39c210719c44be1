"""Two moons in 100 dimensions, the data of Neural Plasticity Networks (Li and Ji 2019)."""

from __future__ import annotations

import numpy as np

from trainables.data.holdout import choose, count_of, extra
from trainables.data.parts import Array, Found, Part, Request

_CENTRES = np.array([[-0.5, 0.25], [0.5, -0.25]])
_ARCS = np.radians([[90.0, 360.0], [270.0, 540.0]])
_NOISE = 0.1
_HALF, _DIMENSIONS = 500, 100


def generate(request: Request) -> Found:
    """500 train and 500 test points, classes balanced; validation points are drawn beside them.

    x = (centre_y + (cos a, sin a) + N(0, 0.1^2)) B, a uniform on the class's arc of 270 degrees, B an
    orthonormal 2 x 100 basis. Every seed is another basis and other points.
    """
    rng = np.random.default_rng(request.seed)
    basis = np.linalg.qr(rng.standard_normal((_DIMENSIONS, 2)))[0].T
    counts = {"train": _HALF, "test": _HALF, "validation": extra(request.validation, _HALF)}
    parts = {split: _draw(count, basis, rng) for split, count in counts.items()}
    return Found("generated", "classification", parts, ("0", "1"), normalise=False)


def read_original(request: Request) -> Found:
    """The authors' points: the first 500 train, the last 500 test, `validation` a share of these last.

    The authors take the whole test half for validation; holding out of it keeps their 500 training points and
    still selects on none of the points that give the test score.
    """
    with np.load(request.path, allow_pickle=False) as archive:
        x, y = archive["x"].astype(np.float32), archive["y"].astype(np.int64)
    second = np.arange(_HALF, len(x))
    held = second[
        choose(
            y[second],
            count_of(request.validation, len(second), "validation"),
            np.random.default_rng(request.seed),
        )
    ]
    rows = {"train": np.arange(_HALF), "validation": held, "test": np.setdiff1d(second, held)}
    parts = {split: Part(x[which], y[which]) for split, which in rows.items()}
    return Found("original file", "classification", parts, ("0", "1"), normalise=False)


def _draw(count: int, basis: Array, rng: np.random.Generator) -> Part:
    y = rng.permutation(np.arange(count) % 2)
    low, high = _ARCS[y].T
    angle = rng.uniform(low, high)
    points = _CENTRES[y] + np.column_stack([np.cos(angle), np.sin(angle)])
    points += _NOISE * rng.standard_normal((count, 2))
    return Part((points @ basis).astype(np.float32), y.astype(np.int64))
