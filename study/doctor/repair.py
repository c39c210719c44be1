"""Puts a study directory right: what `study doctor` does, and what a driver does before it goes on.

Damaged files are set aside as `.corrupt`, so that their packs are trained again; what nobody needs is removed; the
manifest of a pack that has results is made from them. Doing it twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from study.directory import Lock, NotAStudy, StudyDirectory, driver_of
from study.doctor.checks import (
    Finding,
    State,
    duplicates,
    failures,
    leftovers,
    look,
    mismatches,
    orphans,
    stray_models,
    torn,
    torn_checkpoints,
    torn_journal,
    torn_latencies,
    versions,
    zombies,
)
from study.doctor.repairs import UNLOCK

__all__ = ["Finding", "examine", "fix", "recover"]

Check = Callable[[State], Iterator[Finding]]

_BEFORE_GOING_ON: tuple[Check, ...] = (torn, torn_journal, orphans, duplicates)
"""What the packs in flight depend on. A worker sees to the checkpoints of its pack."""

_ALL: tuple[Check, ...] = (
    *_BEFORE_GOING_ON,
    mismatches,
    zombies,
    failures,
    torn_checkpoints,
    torn_latencies,
    stray_models,
    versions,
    leftovers,
)


def examine(directory: StudyDirectory) -> list[Finding]:
    """All that is wrong with a study. While a driver is at work, its files in progress are not.

    Raises:
        NotAStudy: there is none.
    """
    if not directory.exists():
        raise NotAStudy(f"expected a study directory at {directory.path()}")
    driver = driver_of(directory.store)
    return _findings(directory, _ALL, live=driver is not None and not driver.silent)


def fix(directory: StudyDirectory) -> list[Finding]:
    """Repair all that can be, and return it; what cannot is still found by `examine`.

    Raises:
        study.directory.Locked: a driver is at work on the study.
        OSError: the directory cannot be written.
    """
    stale = [finding for finding in examine(directory) if finding.repair == UNLOCK]
    with Lock(directory.store):
        return stale + _repair(directory, _ALL)


def recover(directory: StudyDirectory) -> list[Finding]:
    """Repair what would stop a study from going on, and return it; only for its driver, which holds the lock."""
    return _repair(directory, _BEFORE_GOING_ON)


def _findings(directory: StudyDirectory, checks: Iterable[Check], live: bool = False) -> list[Finding]:
    state = look(directory, live)
    return [finding for check in checks for finding in check(state)]


def _repair(directory: StudyDirectory, checks: Iterable[Check]) -> list[Finding]:
    done: list[Finding] = []
    # A repair can bring to light what it hid: a pack without a manifest, once the torn one is set aside.
    while findings := [f for f in _findings(directory, checks) if f.repair not in (None, UNLOCK) and f not in done]:
        for finding in findings:
            if finding.repair and directory.store.exists(finding.path):  # else another one was about the same file
                finding.repair.apply(directory, finding.path)
        done += findings
    return done
