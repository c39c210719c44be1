"""Physically smaller networks with the same outputs, and exact counts."""

from trainables.compaction import compact, cost

__all__ = ["compact", "cost"]
