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

from study.directory import OBJECTIVES, Manifest, TrialSpec

if TYPE_CHECKING:
    from study.config import StrengthPath
    from study.search.brackets import Brackets
    from study.search.ledger import Elite
    from study.search.racing import Race

Rows = Mapping[str, Mapping[str, Any]]
"""A pack's rows by trial."""


@dataclass(frozen=True)
class Running:
    """A trial that was handed out: Optuna's, and its number in the journal."""

    trial: optuna.Trial | None
    """None where it trains a configuration again, of which Optuna knows one trial."""
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
    race: Race | None = None
    """Where candidates for the front are trained again."""
    brackets: Brackets | None = None
    """Where compressions are asked for."""
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

    def begins(self, spec: TrialSpec, params: Mapping[str, Any]) -> None:
        """A trial is in training from now on.

        Args:
            params: those that are searched.
        """
        self.asked += 1
        if self.brackets is not None:
            self.brackets.asked(spec, params)
        if self.race is not None:
            self.race.asked(spec)

    def ends(
        self, spec: TrialSpec, row: Mapping[str, Any] | None, values: list[float] | None, excess: dict[str, float]
    ) -> None:
        """What it came to; see `Race.told`."""
        if self.brackets is not None:
            self.brackets.told(spec, row)
        if self.race is not None:
            self.race.told(spec, row, values, excess)

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

    @property
    def configurations(self) -> int:
        """Trials that were asked for, without those that train a configuration again."""
        return self.asked - (self.race.repeats if self.race else 0)

    @property
    def explores(self) -> int:
        """Trials of new configurations that are asked for before any is trained again; where none is, all."""
        if self.race is None:
            return self.remaining
        left = self.budget + self.lost - self.race.most - self.configurations
        return min(max(0, left), self.remaining)

    @property
    def open(self) -> bool:
        """Whether more can be asked for, by what is known: who is trained again, once all is known of all others; the
        next strengths of a bracket, once all is known of those before."""
        if self.brackets is not None:
            return self.remaining > 0 and self.brackets.open(self.remaining)
        return self.remaining > 0 and (self.race is None or self.explores > 0 or not self.race.waits)

    def again(self, size: int) -> list[int]:
        """The configurations that the next pack trains again, at most so many; none where it has new ones."""
        if self.race is None or self.explores:
            return []
        return self.race.wanted(min(size, self.remaining, self.race.most - self.race.repeats))

    def new(self, size: int) -> int:
        """Trials of a next pack of new configurations: at most so many, all of a configuration if they fit."""
        count = min(size, self.explores or self.remaining)
        end = self.asked + count
        whole = end - end % self.together
        return whole - self.asked if self.asked < whole and count < self.remaining else count


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
