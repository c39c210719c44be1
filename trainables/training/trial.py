"""What a stack trains: trials, and how far."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trial:
    """One configuration with one seed. Trials with the same ``data_seed`` see the same batches in the same order."""

    trial: str
    seed: int
    data_seed: int
    parameters: dict[str, float | int | str | bool]
    path: tuple[float, ...] = ()
    """Of a point of a path: the strengths that it was trained with before its own."""


@dataclass(frozen=True)
class Leg:
    """Of a path: a stack trains to epoch ``until``, and its pattern settles at epoch ``settles``, if it does."""

    until: int
    settles: int | None = None
