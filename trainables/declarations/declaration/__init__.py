"""What a declaration says: a method's knobs with their bounds and names by layer, and what the method is called."""

from trainables.declarations.declaration.architecture import MODEL, architecture, as_parameter, settings_of_method
from trainables.declarations.declaration.bounds import FRACTION, NON_NEGATIVE, POSITIVE, REAL, Bounds
from trainables.declarations.declaration.continuation import CONTINUATION
from trainables.declarations.declaration.declaration import LR, Declaration, Settings
from trainables.declarations.declaration.knob import Knob, Value

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
    "settings_of_method",
]
