"""How what is wrong with a study directory is put right; a finding carries the one that helps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from study.directory import JOURNAL, StudyDirectory, pack_of, part_of
from study.doctor.zombies import Running, conclude
from study.search import manifest_of


@dataclass(frozen=True)
class Repair:
    """``apply(directory, path)`` puts the file at the path right; ``done`` says what was done."""

    name: str
    done: str
    apply: Callable[[StudyDirectory, str], object] = field(compare=False, repr=False)


def _rewrite(directory: StudyDirectory, path: str) -> None:
    """The manifest of a pack from the rows of its trials part."""
    directory.write_manifest(manifest_of(directory.rows(pack_of(path), part_of(path)[1])))


def _tell(zombie: Running, directory: StudyDirectory, path: str) -> None:
    assert directory.local is not None, "only a local study has a journal"
    finished = zombie.pack in directory.finished()
    rows = directory.rows(zombie.pack, zombie.method) if finished else []
    conclude(directory.local / JOURNAL, zombie, next((row for row in rows if row["trial"] == zombie.trial), None))


QUARANTINE = Repair("quarantine", "set aside as .corrupt", lambda directory, path: directory.store.quarantine(path))
REMOVE = Repair("remove", "removed", lambda directory, path: directory.store.remove(path))
REWRITE = Repair("rewrite", "its manifest was written anew", _rewrite)
UNLOCK = Repair("unlock", "unlocked", lambda directory, path: None)
"""Who repairs takes the lock, and with that it is done."""


def tell(zombie: Running) -> Repair:
    """Tell Optuna how its trial ended."""
    return Repair("tell", "told", partial(_tell, zombie))
