"""A finished trial as Optuna is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState


@dataclass(frozen=True)
class Told:
    """A finished trial as Optuna is told of it."""

    state: TrialState
    values: list[float] | None
    params: dict[str, Any]
    distributions: dict[str, BaseDistribution]
    attributes: dict[str, Any]
    constraints: dict[str, float]
    finished_at: datetime | None = None
    seconds: float = 0.0

    @property
    def started(self) -> datetime | None:
        return self.finished_at and self.finished_at - timedelta(seconds=self.seconds)

    def frozen(self) -> FrozenTrial:
        trial = optuna.trial.create_trial(
            state=self.state,
            values=self.values,
            params=self.params,
            distributions=self.distributions,
            user_attrs=self.attributes,
        )
        for name, excess in self.constraints.items():
            trial.set_constraint(name, excess)
        return trial
