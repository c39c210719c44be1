"""What a study's `seeds` come to for each method, from its resolved configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def replicates(config: Mapping[str, Any]) -> dict[str, int]:
    """By method, how many trials in a row are of one configuration; 1 where only candidates for the front get more."""
    return {name: _each(seeds) for name, seeds in _seeds(config).items()}


def repetitions(config: Mapping[str, Any], method: str) -> int:
    """Trials of a method that each of those in the YAML stands for: of all searches, with all seeds; also of a method
    that the study does not have yet."""
    seeds = _seeds(config).get(method, config.get("seeds", 1))
    return _each(seeds) * int(config.get("searches", 1))


def raced(config: Mapping[str, Any]) -> set[str]:
    """The methods whose candidates for the front are trained again."""
    return {name for name, seeds in _seeds(config).items() if not isinstance(seeds, int)}


def _each(seeds: int | Mapping[str, Any]) -> int:
    return seeds if isinstance(seeds, int) else 1


def _seeds(config: Mapping[str, Any]) -> dict[str, int | Mapping[str, Any]]:
    methods = config.get("methods") or {}
    return {str(name): (own or {}).get("seeds") or config.get("seeds", 1) for name, own in methods.items()}
