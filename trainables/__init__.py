"""Everything that trains or measures a network: the methods as packs, and as Ray Tune trainables for anyone's Tuner.

Importing this loads neither torch nor ray; the trainables load theirs when they are first asked for. There is one for
each declared method. `ParetoStopper` ends those early that leave no room on a front of several objectives.
"""

from __future__ import annotations

import importlib
from typing import Any

from trainables.declarations import declarations

_PLACES = {"ParetoStopper": "trainables.stopper"}

__all__ = [
    "ParetoStopper",
    "SparseTrainable",
    *sorted(declaration.class_name for declaration in declarations().values()),
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(_PLACES.get(name, "trainables.trainable")), name)
