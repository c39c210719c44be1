"""When a trial has failed: its loss is no number any more, or has left the network's own scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

DIVERGED = 1e6
"""A trial has failed once its loss is not finite, or so many times the untrained network's, or 1 if that is less."""


def diverged(entry: Mapping[str, Any], untrained: Sequence[float]) -> dict[int, str]:
    """By lane, why it has failed.

    Args:
        entry: the record of an epoch.
        untrained: (P,) losses on the first batch.
    """
    return {
        lane: f"diverged: {name} became {value:.3g} in epoch {entry['epoch']}, and was {untrained[lane]:.3g} untrained"
        for name in ("val_loss", "train_loss")  # where both have, the latter is told
        for lane, value in enumerate(entry[name].tolist() if name in entry else ())
        if not value <= DIVERGED * max(untrained[lane], 1.0)
    }
