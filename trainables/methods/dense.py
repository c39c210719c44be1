"""Dense training: the baseline every other method is compared with, through the same code path."""

from __future__ import annotations

from trainables.declarations import declared
from trainables.methods.base import Method


class Dense(Method):
    declaration = declared("dense")
