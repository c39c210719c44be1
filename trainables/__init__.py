"""Everything that trains or measures a network: the methods as packs, and as Ray Tune trainables for anyone's Tuner.

Importing this loads neither torch nor ray; the trainables load theirs when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainables.trainable import (
        NPN,
        Dense,
        DropNeuron,
        ExclusiveGroup,
        GroupLasso,
        MagnitudePruning,
        RandomPruning,
        SparseGroupLasso,
        SparseTrainable,
    )

__all__ = [
    "NPN",
    "Dense",
    "DropNeuron",
    "ExclusiveGroup",
    "GroupLasso",
    "MagnitudePruning",
    "RandomPruning",
    "SparseGroupLasso",
    "SparseTrainable",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module("trainables.trainable"), name)
