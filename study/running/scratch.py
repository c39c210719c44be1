"""Temporary folders for what Ray Tune writes, and the removal of those whose driver was killed."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from study.directory import Process, this_process

_PREFIX = "study-driver-"
_OWNER = "owner.json"


@contextmanager
def scratch() -> Iterator[str]:
    """A folder of this process's own, gone afterwards; those that dead processes have left go first."""
    remove_leftovers()
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as folder:
        Path(folder, _OWNER).write_text(json.dumps(asdict(this_process())))
        yield folder


def remove_leftovers() -> list[Path]:
    """Removes the folders whose process is certainly dead, and names them; what cannot be told stays."""
    gone = [folder for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*") if _is_left(folder)]
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)
    return gone


def _is_left(folder: Path) -> bool:
    try:
        return not folder.is_symlink() and Process(**json.loads((folder / _OWNER).read_text())).state == "dead"
    except (OSError, ValueError, TypeError):
        return False
