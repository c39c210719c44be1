"""The sparse linear regression of DropNeuron (Pan, Dong, Guo 2016, section 4.1)."""

from __future__ import annotations

import numpy as np

from trainables.data.holdout import extra
from trainables.data.parts import Found, Part, Request

_HALF, _FEATURES, _INFORMATIVE = 500, 20, 2


def generate(request: Request) -> Found:
    """y = X w without noise, X = 10 N(0, 1), w zero but for 2 entries from N(0, 10^2).

    The places of the 2 entries are drawn with replacement, as in the authors' code. Validation points are
    drawn beside them.
    """
    rng = np.random.default_rng(request.seed)
    x = 10 * rng.standard_normal((2 * _HALF, _FEATURES))
    w = np.zeros(_FEATURES)
    w[rng.integers(_FEATURES, size=_INFORMATIVE)] = 10 * rng.standard_normal(_INFORMATIVE)
    more = 10 * rng.standard_normal((extra(request.validation, _HALF), _FEATURES))
    inputs = {"train": x[:_HALF], "test": x[_HALF:], "validation": more}
    parts = {split: Part(v.astype(np.float32), (v @ w)[:, None].astype(np.float32)) for split, v in inputs.items()}
    return Found("generated", "regression", parts, normalise=False)
