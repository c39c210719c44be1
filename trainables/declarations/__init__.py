"""What every method is called, and which knobs it has: one file per method, read by training and by search alike.

Nothing here loads torch. A new method of the package is found by its file alone.
"""

from trainables.declarations.catalogue import declarations, declared
from trainables.declarations.declaration import (
    CONTINUATION,
    FRACTION,
    LR,
    MODEL,
    NON_NEGATIVE,
    POSITIVE,
    REAL,
    Bounds,
    Declaration,
    Knob,
    Settings,
    Value,
    architecture,
    as_parameter,
    settings_of_method,
)

__all__ = [
    "CONTINUATION",
    "FRACTION",
    "LR",
    "MODEL",
    "NON_NEGATIVE",
    "POSITIVE",
    "REAL",
    "Bounds",
    "Declaration",
    "Knob",
    "Settings",
    "Value",
    "architecture",
    "as_parameter",
    "declarations",
    "declared",
    "settings_of_method",
]
