"""What every method is called, and which knobs it has: one file per method, read by training and by search alike.

Nothing here loads torch. A new method of the package is found by its file alone.
"""

from trainables.declarations.catalogue import declarations, declared
from trainables.declarations.declaration import (
    CONTINUATION,
    FRACTION,
    LR,
    NON_NEGATIVE,
    POSITIVE,
    REAL,
    Bounds,
    Declaration,
    Knob,
    Settings,
    Value,
)

__all__ = [
    "CONTINUATION",
    "FRACTION",
    "LR",
    "NON_NEGATIVE",
    "POSITIVE",
    "REAL",
    "Bounds",
    "Declaration",
    "Knob",
    "Settings",
    "Value",
    "declarations",
    "declared",
]
