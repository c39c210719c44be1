"""What is kept of a method's finished trials while a study runs: counts and its front, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from study.directory import OBJECTIVES, Front, broke_off

Row = Mapping[str, Any]
Volume = Callable[[list[Row], tuple[str, ...]], float | None]
"""The hypervolume of a method's rows by these objectives."""


class Tally:
    """The finished trials of one method.

    Attributes:
        finished, complete, failed: how many.
        best: of the complete ones, by objective.
        front: the rows of those that no other one dominates.
        telling: rows of those that broke off, while there are no others; then one that did not.
    """

    def __init__(self, objectives: Sequence[str]) -> None:
        self.finished = self.complete = self.failed = 0
        self.best: dict[str, float] = {}
        self.front: dict[str, Row] = {}
        self.telling: list[Row] = []
        self._objectives = objectives
        self._front = Front(objectives)
        self._with_outcome = False

    def add(self, rows: Iterable[Row]) -> None:
        """Rows of TRIALS."""
        rows = list(rows)
        self.finished += len(rows)
        self.failed += sum(row["status"] == "FAILED" for row in rows)
        complete = [row for row in rows if row["status"] == "COMPLETE"]
        self.complete += len(complete)
        for name in self._objectives:
            which = OBJECTIVES[name]
            values = [row[which.column] for row in complete if row[which.column] is not None]
            values += [self.best[name]] if name in self.best else []
            if values:
                self.best[name] = max(values) if which.maximise else min(values)
        self._front.add(rows)
        self.front = {row["trial"]: row for row in (*self.front.values(), *complete) if row["trial"] in self._front}
        self._keep_telling(rows)

    def _keep_telling(self, rows: Sequence[Row]) -> None:
        if self._with_outcome:
            return
        other = next((row for row in rows if not broke_off(row)), None)
        self._with_outcome = other is not None
        self.telling = [*self.telling, *rows] if other is None else [other]


def remembered(volume: Volume) -> Volume:
    """The same of fronts, worked out again only when that of a method has changed."""
    known: dict[str, tuple[frozenset[str], float | None]] = {}

    def of_front(rows: list[Row], objectives: tuple[str, ...]) -> float | None:
        if not rows:
            return None
        method, trials = str(rows[0]["method"]), frozenset(str(row["trial"]) for row in rows)
        if method not in known or known[method][0] != trials:
            known[method] = trials, volume(rows, objectives)
        return known[method][1]

    return of_front
