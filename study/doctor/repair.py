"""Puts a study directory right: what `study doctor` does, and what a driver does before it goes on.

Damaged files are set aside as `.corrupt`, so that their packs are trained again; what nobody needs is removed; the
manifest of a pack that has results is made from them. Doing it twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from study.directory import (
    Blocks,
    Lock,
    NotAStudy,
    StudyDirectory,
    driver_of,
    is_manifest,
    is_part,
    pack_of,
    part_of,
)
from study.doctor.checks import (
    Finding,
    duplicates,
    failures,
    leftovers,
    mismatches,
    orphans,
    stray_models,
    torn,
    torn_accounts,
    torn_checkpoints,
    torn_journal,
    torn_latencies,
    versions,
    zombies,
)
from study.doctor.repairs import REWRITE, UNLOCK
from study.doctor.state import State, look

__all__ = ["Finding", "examine", "fix", "recover"]

Check = Callable[[State], Iterator[Finding]]

_BEFORE_GOING_ON: tuple[Check, ...] = (torn, torn_accounts, orphans, duplicates)
"""What the packs in flight depend on. A worker sees to the checkpoints of its pack; the journal is written anew."""

_ALL: tuple[Check, ...] = (
    *_BEFORE_GOING_ON,
    torn_journal,
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
    return _findings(look(directory, live=driver is not None and not driver.silent), _ALL)


def fix(directory: StudyDirectory) -> list[Finding]:
    """Repair all that can be, and return it; what cannot is still found by `examine`.

    Raises:
        study.directory.Locked: a driver is at work on the study.
        OSError: the directory cannot be written.
    """
    stale = [finding for finding in examine(directory) if finding.repair == UNLOCK]
    with Lock(directory.store):
        return stale + _repair(directory, _ALL)


def recover(directory: StudyDirectory, known: State | None = None) -> list[Finding]:
    """Repair what would stop a study from going on, and return it; only for its driver, which holds the lock.

    Args:
        known: what was read since it took the lock, if anything was; true as long as nothing is repaired.
    """
    return _repair(directory, _BEFORE_GOING_ON, known)


def _findings(state: State, checks: Iterable[Check]) -> list[Finding]:
    return [finding for check in checks for finding in check(state)]


def _repair(directory: StudyDirectory, checks: Iterable[Check], known: State | None = None) -> list[Finding]:
    done: list[Finding] = []
    state = known or look(directory, live=False)
    # A repair can bring to light what it hid: a pack without a manifest, once the torn one is set aside.
    while findings := [f for f in _findings(state, checks) if f.repair not in (None, UNLOCK) and f not in done]:
        for finding in findings:
            if finding.repair == REWRITE or (finding.repair and _alone(directory, finding.path)):
                finding.repair.apply(directory, finding.path)
        done += findings
        state = look(directory, live=False)
    return done


def _alone(directory: StudyDirectory, path: str) -> bool:
    """Whether the file is there, once the block that it is in was taken apart."""
    store = directory.store
    if not store.exists(path) and (is_part(path) or is_manifest(path)):
        method = part_of(path)[1] if is_part(path) else directory.manifest(pack_of(path))["method"]
        Blocks(store).take_apart(pack_of(path), method)
    return store.exists(path)
