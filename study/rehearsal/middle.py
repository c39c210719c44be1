"""Trials in the middle of their ranges: what a method is tried with before anything was asked of a sampler."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from search_spaces import Scale, suggest_parameters
from study.config import StudyConfig
from study.rehearsal.networks import Arguments


def middle_trials(config: StudyConfig, method: str, arguments: Arguments, scale: Scale) -> list[dict[str, Any]]:
    """Two trials in the middle of the ranges, one with the first choice of each, one with the last."""
    space = config.implementation(method), {**config.space(method), **arguments}, scale
    return [suggest_parameters(_Middle(choice), *space) for choice in (0, -1)]  # type: ignore[arg-type]  # no Trial


class _Middle:
    """A trial in the middle of its ranges, for what `search_spaces` asks an Optuna trial."""

    def __init__(self, choice: int) -> None:
        self._choice = choice

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return choices[self._choice]

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        return low + (high - low) // (2 * step) * step

    def suggest_float(self, name: str, low: float, high: float, *, step: float | None, log: bool) -> float:
        if step is not None:
            return low + round((high - low) / step / 2) * step
        return math.sqrt(low * high) if log and low > 0 else (low + high) / 2
