"""The Optuna study of one method in one search, and what was handed out of it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage

from study.directory import OBJECTIVES, Manifest

if TYPE_CHECKING:
    from study.config import StrengthPath
    from study.search.ledger import Elite

Rows = Mapping[str, Mapping[str, Any]]
"""A pack's rows by trial."""


@dataclass(frozen=True)
class Running:
    """A trial that was handed out: Optuna's, and its number in the journal."""

    trial: optuna.Trial
    entry: int


@dataclass
class Branch:
    """The Optuna study of one method in one of the searches, and what was handed out."""

    method: str
    search: int
    name: str
    study: optuna.Study
    space: Mapping[str, BaseDistribution]
    budget: int
    seeds: int
    path: StrengthPath | None = None
    """Of whose points its trials are."""
    asked: int = 0
    packs: int = 0
    lost: int = 0
    """Trials between others that have neither manifest nor row."""
    seen: int = 0
    """Packs 0 .. seen - 1 are told to Optuna."""
    told: int = 0
    """Complete trials that are told to Optuna."""
    answers: dict[int, tuple[Manifest, Rows]] = field(default_factory=dict)
    """Results that Optuna may not see yet, by the number of their pack."""
    running: dict[str, Running] = field(default_factory=dict)
    latest: dict[str, Any] = field(default_factory=dict)
    drawn: set[frozenset[tuple[str, Any]]] = field(default_factory=set)
    """The configurations of the pack that is being asked for."""
    elite: Elite | None = None
    """Once the sampler reads no other trials."""
    shapes: dict[frozenset[tuple[str, BaseDistribution]], int] = field(default_factory=dict)
    """The first trial of each set of parameters; from those it sees, a sampler infers what all trials have."""

    @property
    def together(self) -> int:
        """Trials in a row that are in one pack: the seeds of a configuration, the points of a path."""
        return self.path.points if self.path else self.seeds

    def strengths(self) -> list[float]:
        """Of a path's points, ascending over the range that is searched, by its own scale."""
        assert self.path is not None
        own = self.space[self.path.knob]
        assert isinstance(own, FloatDistribution)
        low, high = (math.log(end) if own.log else end for end in (own.low, own.high))
        inner = [low + (high - low) * index / (self.path.points - 1) for index in range(1, self.path.points - 1)]
        return [own.low, *(math.exp(one) if own.log else one for one in inner), own.high]

    @property
    def remaining(self) -> int:
        return max(0, self.budget + self.lost - self.asked)


def empty_study(name: str, objectives: Sequence[str], storage: BaseStorage) -> optuna.Study:
    """An empty Optuna study, made without the line that Optuna logs."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        directions = [OBJECTIVES[objective].direction for objective in objectives]
        study = optuna.create_study(storage=storage, study_name=name, directions=directions)
    finally:
        optuna.logging.set_verbosity(verbosity)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names(list(objectives))
    return study
