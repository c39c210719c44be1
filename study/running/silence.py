"""Which workers hang so that they cannot say so themselves: judged by the driver, on its own clock, by their signs.

A worker that gives signs has a watchdog that works, and is left to it. One that was never heard of and has no process
yet waits for room in the cluster. While the driver itself is suspended no time passes. The names of what is looked at
may be of anything: Tune's trials, or Ray's actors while nobody knows for which trial they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from study.config import LimitSettings
from study.running.pulse import Sign, sign_of
from study.running.watchdog import Pace

LATE_SECONDS = 10.0
"""How late a sign may be, beside what the limits allow: the driver is not to forestall a watchdog."""

_LONGEST_LOOK = 10.0
"""Seconds that count between two looks; more have passed where the driver was suspended."""


@dataclass
class _Heard:
    pace: Pace
    sign: Sign | None = None
    still: float = 0.0
    """Seconds without another sign."""


class Silence:
    """Of the workers of one Tune run.

    Args:
        limits: the study's.
        read: the newest sign of whoever works on one of Tune's trials.
        clock: seconds from anywhere; another one in tests.
    """

    def __init__(
        self,
        limits: LimitSettings,
        read: Callable[[str], Sign | None] = sign_of,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits, self._read, self._clock = limits, read, clock
        self._heard: dict[str, _Heard] = {}
        self._looked = clock()

    @property
    def heard(self) -> set[str]:
        """Ray's ids of the actors that have given a sign for what is handed out."""
        return {heard.sign.actor for heard in self._heard.values() if heard.sign is not None}

    def look(self, trials: Collection[str], started: Collection[str]) -> Iterator[tuple[str, Sign | None, float]]:
        """The workers that have been silent for too long, with their last sign and for how many seconds.

        Args:
            trials: Tune's ids of what is handed out.
            started: those of them that have a process for certain.
        """
        now = self._clock()
        passed, self._looked = min(now - self._looked, _LONGEST_LOOK), now
        self._heard = {trial: self._heard.get(trial) or _Heard(Pace(self._limits)) for trial in trials}
        for trial, heard in self._heard.items():
            try:
                sign = self._read(trial)
            except Exception:  # Ray's head is away: nothing can be heard
                continue
            if sign is None and trial not in started:
                continue
            heard.still = heard.still + passed if sign == heard.sign else 0.0
            heard.sign = sign
            wrong = heard.pace.look(passed, sign.epochs if sign else 0, sign)
            if wrong and heard.still > LATE_SECONDS:
                yield trial, sign, heard.still
