"""Knobs of a penalty that grows while a network trains: its last strength is lambda, reached in stages."""

from __future__ import annotations

from trainables.declarations.declaration.bounds import POSITIVE, Bounds
from trainables.declarations.declaration.knob import Knob

CONTINUATION = (
    Knob("lambda_stages", 1, "equal stages of training over which lambda grows to its value", Bounds(1)),
    Knob("lambda_growth", 10.0, "factor on lambda from one stage to the next", POSITIVE, log=True),
)
