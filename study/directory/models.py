"""The compact networks of a study: those of the front, or of all trials.

A network's file has its card and a checksum in the header, and is all that is needed; the card beside it can be read
without tools.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from study.directory.encoding import Damaged
from study.directory.layout import (
    CARD_SUFFIX,
    MODELS,
    NETWORK_SUFFIX,
    RETRAINED,
    card_path,
    named,
    network_path,
    trial_of,
)
from study.directory.seeds import raced, replicates
from study.directory.study_directory import OBJECTIVES, StudyDirectory
from study.directory.tables import broke_off
from study.directory.trial import find_trial
from trainables.errors import StudyError
from trainables.own_code import reading

if TYPE_CHECKING:
    from trainables.deploy import Saved

Row = Mapping[str, Any]


_MANY = 1000
"""Rows above which it pays to look at all of them at once first."""


class Front:
    """The trials of the configurations that no other one dominates, kept up to date; as `analysis.pareto` has them.

    Args:
        objectives: their names.
        require: what the mean over a configuration's trials has to reach, by objective.
        seeds: trials in a row that are of one configuration, by method; 1 where it says nothing.
        races: whether rows to come may be of configurations that have rows (`repeats`): what is off the front may come
            back.
    """

    def __init__(
        self,
        objectives: Sequence[str],
        require: Mapping[str, float] | None = None,
        seeds: Mapping[str, int] | None = None,
        races: bool = False,
    ) -> None:
        self._objectives = tuple(OBJECTIVES[name] for name in objectives)
        self._require = {OBJECTIVES[name]: bound for name, bound in (require or {}).items()}
        self._seeds = {method: count for method, count in (seeds or {}).items() if count > 1}
        self._races = races
        self._members: dict[Any, dict[str, list[float]]] = {}
        """By configuration: its trials' values of the objectives, then of what is required."""
        self._spoilt = set[Any]()
        """Configurations of several trials of which one failed."""
        self._trials: dict[str, list[float]] = {}

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Front:
        """Of a resolved configuration's objectives, what it requires, and its seeds."""
        known = [name for name in config.get("objectives") or () if name in OBJECTIVES]
        require = {n: b for n, b in (config.get("require") or {}).items() if n in OBJECTIVES}
        return cls(known, require, replicates(config), bool(raced(config)))

    @property
    def columns(self) -> list[str]:
        """What `add` needs of rows."""
        measured = [objective.column for objective in (*self._objectives, *self._require)]
        named = ["trial", "method", "search", "number", "status", *(["repeats", "epochs"] if self._races else [])]
        return list(dict.fromkeys([*named, *measured]))

    def __contains__(self, trial: object) -> bool:
        return trial in self._trials

    def __len__(self) -> int:
        return len(self._trials)

    @property
    def trials(self) -> list[str]:
        """Best value of the first objective first."""
        return sorted(self._trials, key=lambda trial: (self._trials[trial], trial))

    def add(self, rows: Iterable[Row]) -> None:
        """FAILED and NOT_EQUIVALENT trials, and those without a finite value of an objective, are never on it."""
        for row in self._promising(list(rows)):
            point = [self._minimised(row, objective) for objective in (*self._objectives, *self._require)]
            key = self._configuration(row)
            if row["status"] == "COMPLETE" and all(map(math.isfinite, point)):
                self._members.setdefault(key, {})[row["trial"]] = point
            elif key != row["trial"] and not (row.get("repeats") is not None and broke_off(row)):
                self._spoilt.add(key)
        means = {key: _mean(list(own.values())) for key, own in self._members.items()}
        means = {key: mean for key, mean in means.items() if key not in self._spoilt and self._reaches(mean)}
        if means:
            import moocore
            import numpy as np

            points = np.array(list(means.values()))[:, : len(self._objectives)]
            stay = moocore.is_nondominated(points, keep_weakly=True)
            means = {key: mean for (key, mean), kept in zip(means.items(), stay, strict=True) if kept}
        front = {key: self._members[key] for key in means}
        self._members = self._members if self._races else front
        self._trials = {trial: point for own in front.values() for trial, point in own.items()}

    def _promising(self, rows: list[Row]) -> list[Row]:
        """Of many rows those that no other one of them dominates, found a column at a time."""
        if self._seeds or self._races or len(rows) < _MANY:
            return rows
        import moocore
        import numpy as np

        measured, objectives = (*self._objectives, *self._require), len(self._objectives)
        points = np.array([[row.get(one.column) for row in rows] for one in measured], np.float64)
        points *= np.array([[-1.0 if one.maximise else 1.0] for one in measured])
        bounds = [[-bound if one.maximise else bound] for one, bound in self._require.items()]
        fit = np.array([row["status"] == "COMPLETE" for row in rows])
        fit &= np.isfinite(points).all(axis=0)
        if bounds:
            fit &= (points[objectives:] <= np.array(bounds)).all(axis=0)
        places = np.flatnonzero(fit)
        if len(places):
            places = places[moocore.is_nondominated(points[:objectives, places].T, keep_weakly=True)]
        return [rows[place] for place in places]

    def _configuration(self, row: Row) -> Any:
        count = self._seeds.get(row["method"], 1) if self._seeds else 1
        if count == 1 and not self._races:
            return row["trial"]
        first = row.get("repeats")
        number = row["number"] // count if first is None else first
        return row["method"], row.get("search") or 0, number

    def _reaches(self, mean: Any) -> bool:
        bounds = zip(mean[len(self._objectives) :], self._require.items(), strict=True)
        return all(value <= (-bound if objective.maximise else bound) for value, (objective, bound) in bounds)

    @staticmethod
    def _minimised(row: Row, objective: Any) -> float:
        value = row.get(objective.column)
        if value is None:
            return float("nan")
        return -float(value) if objective.maximise else float(value)


def _mean(points: Sequence[Sequence[float]]) -> Sequence[float]:
    """Of few points of few numbers; of a single one itself."""
    if len(points) == 1:
        return points[0]
    import numpy as np

    return cast(Sequence[float], np.mean(points, axis=0))


class Models:
    """The networks in a study directory."""

    def __init__(self, directory: StudyDirectory) -> None:
        self._directory, self._store = directory, directory.store

    def trials(self) -> list[str]:
        """Those whose networks are there."""
        return [trial_of(name) for name in self._store.names(MODELS, NETWORK_SUFFIX)]

    def write(self, trial: str, network: Saved) -> None:
        """A network that is there already is replaced: its pack has no rows yet and was trained again."""
        self._store.put(network_path(trial), network.to_bytes(), replace=True)
        self._store.put(card_path(trial), json.dumps(network.card, indent=1).encode(), replace=True)

    def keep(self, trial: str, network: Saved) -> None:
        """A network that was trained again, for good: `Keeper` leaves it alone."""
        self._store.put(f"{RETRAINED}/{named(trial)}{NETWORK_SUFFIX}", network.to_bytes(), replace=True)
        self._store.put(f"{RETRAINED}/{trial}{CARD_SUFFIX}", json.dumps(network.card, indent=1).encode(), replace=True)

    def __contains__(self, trial: str) -> bool:
        """Whether the trial's network is there."""
        return any(map(self._store.exists, (network_path(trial), f"{RETRAINED}/{named(trial)}{NETWORK_SUFFIX}")))

    def read(self, trial: str) -> Saved:
        """
        Raises:
            ValueError: there is none of this trial.
        """
        from trainables.deploy import Saved

        reading(self._directory.local)
        path = next(filter(self._store.exists, (network_path(trial), f"{RETRAINED}/{trial}{NETWORK_SUFFIX}")), None)
        if path is None:
            raise StudyError(self._missing(trial))
        return Saved.from_bytes(self._store.get(path), self._directory.path(path))

    def card(self, trial: str) -> dict[str, Any]:
        """What the network is, without torch.

        Raises:
            Damaged: the file holds no card.
        """
        path = card_path(trial)
        try:
            found = json.loads(self._store.get(path))
        except (ValueError, RecursionError) as error:
            raise Damaged(f"{self._directory.path(path)} is damaged: {error}") from error
        if not isinstance(found, dict):
            raise Damaged(f"{self._directory.path(path)} is damaged: expected a mapping")
        return found

    def remove(self, trial: str) -> None:
        for path in (card_path(trial), network_path(trial)):
            self._store.remove(path)

    def _missing(self, trial: str) -> str:
        place, kept = self._directory.path(), self._directory.config().get("keep_models", "front")
        found = find_trial(self._directory, trial)  # says so if there is no such trial
        if found.status in ("FAILED", "IN FLIGHT"):
            why = f"it failed; why: study show {place} {trial}" if found.row else "it is not finished yet"
            return f"expected the network of a trial of {place} but got {trial!r}: {why}"
        return (
            f"the network of {trial} is not there (keep_models is {kept!r}); train it again, with the same numbers:\n"
            f"  study retrain {place} {trial}"
        )


def front_of(directory: StudyDirectory) -> list[str]:
    """The trials on a study's front, best value of the first objective first."""
    found = Front.of(directory.config())
    found.add(directory.trials().select(found.columns).to_pylist())
    return found.trials
