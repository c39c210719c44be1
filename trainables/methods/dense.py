"""Dense training: the baseline every other method is compared with, through the same code path."""

from __future__ import annotations

from trainables.methods.base import Method


class Dense(Method):
    name = "dense"
    title = "Dense baseline: no sparsity at all"
    reference = "control experiment"
