"""Physically smaller networks with the same outputs, and exact counts."""

from trainables.compaction import compact, cost
from trainables.compaction.conventions import counted

__all__ = ["compact", "cost", "counted"]
