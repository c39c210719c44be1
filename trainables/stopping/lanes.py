"""Trials that report one after the other: what was seen at each rung, and who is to stop."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence

from trainables.errors import StudyError
from trainables.stopping.rule import ParetoRule


class Lanes:
    """Asks a `ParetoRule` whenever a trial comes to a rung, against all that came to it before in its group.

    Decisions depend on the order of the reports and on nothing else. Until `ParetoRule.least` configurations of a group
    have come to a rung, all go on from it.

    Args:
        rungs: epochs, ascending. The first report at or after a rung counts for it; where one comes after several, for
            the last of them.

    Raises:
        StudyError: the rungs are not positive and ascending.
    """

    def __init__(self, rule: ParetoRule, rungs: Sequence[int]) -> None:
        self.rule, self.rungs = rule, tuple(rungs)
        if not self.rungs or self.rungs[0] < 1 or list(self.rungs) != sorted(set(self.rungs)):
            raise StudyError(f"rungs: expected epochs from 1 on, ascending, but got {list(rungs)}")
        self._passed: dict[Hashable, int] = {}
        """The last rung that each trial came to."""
        self._seen: dict[tuple[Hashable, int], dict[Hashable, list[list[float]]]] = {}
        """By group and rung: the values of each configuration's seeds, in the order in which they came."""
        self._stopped: dict[Hashable, int] = {}
        """Configurations that do not go on, and the rung where that was decided."""
        self._configuration: dict[Hashable, Hashable] = {}

    def report(
        self,
        trial: Hashable,
        values: Sequence[float] | Mapping[str, float],
        epoch: int,
        group: Hashable = None,
        configuration: Hashable = None,
    ) -> None:
        """A trial's values after an epoch; where that is no rung, nothing happens.

        Args:
            trial: its name or number.
            values: of the rule's metrics, in their order or by name.
            group: trials are compared within it, such as the method.
            configuration: what the trial tries, where several seeds try the same; they stop together.

        Raises:
            StudyError: a metric is missing, or there are too many.
        """
        rung = max((rung for rung in self.rungs if rung <= epoch), default=None)
        self._configuration[trial] = name = ("its own", trial) if configuration is None else (group, configuration)
        if rung is None or self._passed.get(trial, 0) >= rung:
            return
        self._passed[trial] = rung
        seen = self._seen.setdefault((group, rung), {})
        seen.setdefault(name, []).append(self._numbers(values))
        if name not in self._stopped:
            others = [_mean(found) for other, found in seen.items() if other != name]
            if not self.rule.keeps([_mean(seen[name])], others)[0]:
                self._stopped[name] = rung

    def should_stop(self, trial: Hashable) -> bool:
        """Whether a trial, or another seed of its configuration, was among those that do not go on."""
        return self._configuration.get(trial) in self._stopped

    def forget(self, trial: Hashable) -> None:
        """A trial has ended: what it reported stays, what else is known of it goes."""
        self._passed.pop(trial, None)
        self._configuration.pop(trial, None)

    def __str__(self) -> str:
        seen = {rung: sum(len(found) for (_, at), found in self._seen.items() if at == rung) for rung in self.rungs}
        stopped = {rung: list(self._stopped.values()).count(rung) for rung in self.rungs}
        return ", ".join(f"rung {rung}: {stopped[rung]} of {seen[rung]} stopped" for rung in self.rungs)

    def _numbers(self, values: Sequence[float] | Mapping[str, float]) -> list[float]:
        names = self.rule.metrics
        if isinstance(values, Mapping):
            missing = [name for name in names if name not in values]
            if missing:
                raise StudyError(f"metrics: {', '.join(missing)} not among what was reported: {', '.join(values)}")
            values = [values[name] for name in names]
        if len(values) != len(names):
            raise StudyError(f"values: expected those of {', '.join(names)}, but got {list(values)}")
        return [math.nan if value is None else float(value) for value in values]


def _mean(rows: Sequence[Sequence[float]]) -> list[float]:
    return [math.fsum(column) / len(rows) for column in zip(*rows, strict=True)]
