"""The rungs of one method's search: which lanes go on, and how those that do are put together anew.

Nothing here depends on when results came: what is told is told in a fixed order, and lanes go on in that order.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from study.directory import Manifest, TrialSpec, trial_and_epoch

Row = Mapping[str, Any]


class Rule(Protocol):
    """Which lanes of a rung go on, as `trainables.stopping.ParetoRule.keeps` has it."""

    def __call__(
        self,
        values: Sequence[Sequence[float]],
        seen: Sequence[Sequence[float]],
        configurations: Sequence[Hashable] | None = None,
    ) -> list[bool]: ...


class Rungs:
    """Lanes between segments.

    Args:
        rungs: the epochs at which lanes are compared, ascending.
        keeps: the rule.
        columns: of rows, what the rule compares.
        together: trials in a row that are of one configuration, or of one path; they go on, or stop, together.
        paths: whether they are the points of a path, which is compared by the last one that it came to. Those to come
            take one lane.
    """

    def __init__(
        self, rungs: Sequence[int], keeps: Rule, columns: Sequence[str], together: int, paths: bool = False
    ) -> None:
        self.rungs = tuple(rungs)
        self._keeps, self._columns, self._together, self._paths = keeps, tuple(columns), together, paths
        self._seen: dict[int, list[list[float]]] = defaultdict(list)
        """By rung, the values of all configurations that came to it."""
        self._waiting: dict[int, list[list[TrialSpec]]] = {rung: [] for rung in self.rungs}
        """By the epoch they have reached, the trials of each configuration that goes on."""
        self._gone: set[tuple[str, int]] = set()
        """Lanes that segments go on from, by trial and epoch: one trained again has a state of another name."""

    @property
    def waiting(self) -> list[TrialSpec]:
        """Lanes that go on, and are in no segment yet."""
        return [spec for groups in self._waiting.values() for group in groups for spec in group]

    def after(self, epoch: int) -> int | None:
        """The rung after an epoch; None where lanes train to the end."""
        return next((rung for rung in self.rungs if rung > epoch), None)

    def told(self, manifest: Manifest, rows: Mapping[str, Row]) -> list[tuple[TrialSpec, Row | None]]:
        """What the lanes of a pack or segment came to, in the order of steps; returns those that are over."""
        at = manifest.get("until")
        found = [(spec, rows.get(spec["trial"])) for spec in manifest["trials"]]
        here = [(spec, row) for spec, row in found if row is not None and "state" in row]
        shown = [(spec, self._shown(spec, row, found)) for spec, row in here]
        goes_on = self._decide(at, shown) if at is not None and here else {}
        groups: dict[int, list[TrialSpec]] = defaultdict(list)
        for spec, row in here:
            if goes_on[spec["trial"]] and trial_and_epoch(row["state"]) not in self._gone:
                source: TrialSpec = {**spec, "after": manifest["pack"], "state": row["state"]}
                groups[spec["number"] // self._together].append(
                    {"pack": manifest["pack"], **source}
                )  # its first one's stays
        if at is not None:
            self._waiting[at] += groups.values()
        return [(spec, row) for spec, row in found if not goes_on.get(spec["trial"])]

    def _shown(self, spec: TrialSpec, row: Row, found: Sequence[tuple[TrialSpec, Row | None]]) -> Row:
        """What a lane is compared by: of a path the last point, polished."""
        if not self._paths:
            return row
        path = spec["number"] // self._together
        points = [one or {} for other, one in found if other["number"] // self._together == path]
        return [point for point in points if "state" not in point][-1]

    def _decide(self, rung: int, lanes: Sequence[tuple[TrialSpec, Row]]) -> dict[str, bool]:
        """By trial. Those that show nothing yet go on, and are no measure for others."""
        judged = [(spec, row) for spec, row in lanes if row.get("judged", True)]
        verdict = {spec["trial"]: True for spec, _ in lanes}
        if not judged:
            return verdict
        values = [[_number(row.get(column)) for column in self._columns] for _, row in judged]
        configurations = [spec["number"] // self._together for spec, _ in judged]
        kept = self._keeps(values, self._seen[rung], configurations)
        by_configuration: dict[int, list[list[float]]] = defaultdict(list)
        for configuration, own in zip(configurations, values, strict=True):
            by_configuration[configuration].append(own)
        self._seen[rung] += [
            [math.fsum(v) / len(v) for v in zip(*own, strict=True)] for own in by_configuration.values()
        ]
        return verdict | {spec["trial"]: keep for (spec, _), keep in zip(judged, kept, strict=True)}

    def goes_on(self, specs: Iterable[TrialSpec]) -> None:
        """Lanes that a segment was made of."""
        self._gone |= {trial_and_epoch(spec["state"]) for spec in specs}
        for rung, groups in self._waiting.items():
            left = [[spec for spec in group if trial_and_epoch(spec["state"]) not in self._gone] for group in groups]
            self._waiting[rung] = [group for group in left if group]

    def full(self, size: int) -> bool:
        """Whether lanes of a rung fill a segment."""
        return any(self._fills(rung, size)[1] for rung in self.rungs)

    def next(self, size: int, whatever: bool = False) -> tuple[int, list[TrialSpec]] | None:
        """The epoch and lanes of the next segment: the farthest that fill one.

        Args:
            whatever: if none do, the least far there are.
        """
        for rung in reversed(self.rungs):
            lanes, full = self._fills(rung, size)
            if full:
                return rung, lanes
        for rung in self.rungs if whatever else ():
            lanes, _ = self._fills(rung, size)
            if lanes:
                return rung, lanes
        return None

    def _fills(self, rung: int, size: int) -> tuple[list[TrialSpec], bool]:
        """Those of the first configurations that have room, all of one together; whether there is none left."""
        specs, lanes = list[TrialSpec](), 0
        for group in self._waiting[rung]:
            own = 1 if self._paths else len(group)
            if lanes and lanes + own > size:
                return specs, True
            specs += group
            lanes += own
        return specs, lanes >= size


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
