"""Puts a study directory right: what `study doctor` does, and what a driver does before it goes on.

Damaged files are set aside as `.corrupt`, so that their packs are trained again; what nobody needs is removed; the
manifest of a pack that has results is made from them. Doing it twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from study.directory import JOURNAL, Lock, NotAStudy, StudyDirectory, decode_table, driver_of
from study.doctor.checks import (
    Finding,
    State,
    duplicates,
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
from study.doctor.zombies import Running, conclude
from study.search import manifest_of

__all__ = ["Finding", "examine", "fix", "recover"]

Check = Callable[[State], Iterator[Finding]]

_BEFORE_GOING_ON: tuple[Check, ...] = (torn, torn_journal, orphans, duplicates)
"""What the packs in flight depend on. A worker sees to the checkpoints of its pack."""

_ALL: tuple[Check, ...] = (
    *_BEFORE_GOING_ON,
    mismatches,
    zombies,
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
    return _findings(directory, _ALL, live=driver_of(directory.store) is not None)


def fix(directory: StudyDirectory) -> list[Finding]:
    """Repair all that can be, and return it; what cannot is still found by `examine`.

    Raises:
        study.directory.Locked: a driver is at work on the study.
        OSError: the directory cannot be written.
    """
    stale = [finding for finding in examine(directory) if finding.repair == "unlock"]
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
    while findings := [f for f in _findings(directory, checks) if f.repair not in (None, "unlock") and f not in done]:
        for finding in findings:
            _apply(directory, finding)
        done += findings
    return done


def _apply(directory: StudyDirectory, finding: Finding) -> None:
    store, path = directory.store, finding.path
    if not store.exists(path):
        return  # another finding was about the same file
    if finding.repair == "quarantine":
        store.quarantine(path)
    elif finding.repair == "remove":
        store.remove(path)
    elif finding.repair == "rewrite":
        directory.write_manifest(manifest_of(decode_table(store.get(path), path).to_pylist()))
    elif finding.repair == "tell":
        _tell(directory, finding.zombie)


def _tell(directory: StudyDirectory, zombie: Running | None) -> None:
    assert zombie is not None and directory.local is not None, "only a local study has a journal"
    finished = zombie.pack in directory.finished()
    rows = directory.rows(zombie.pack, zombie.method) if finished else []
    conclude(directory.local / JOURNAL, zombie, next((row for row in rows if row["trial"] == zombie.trial), None))
