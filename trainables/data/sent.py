"""Data sets as they are sent to machines that do not see them, where `load` finds them by the name they had at home."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainables.data import cache

Files = Mapping[str, NDArray[np.uint8]]
"""Their bytes, by path inside the folder that the data set lies in."""

_received: dict[str, Path] = {}


def files_of(path: Path, most: int) -> Files | None:
    """What a data set's file or folder holds; None of more than ``most`` bytes."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    if sum(file.stat().st_size for file in files) > most:
        return None
    return {file.relative_to(path.parent).as_posix(): np.fromfile(file, np.uint8) for file in files}


def receive(name: str, version: str, files: Callable[[], Files]) -> None:
    """From now on this process has the data set ``name``, from a copy that the processes of a node share.

    Args:
        version: of its content; another one is another copy.
        files: asked by the first process of the node.
    """

    def unpacked(folder: Path) -> None:
        for path, content in files().items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            content.tofile(target)

    home = cache.kept(cache.folder() / "sent" / cache.fingerprint(name, version), unpacked)
    (_received[name],) = home.iterdir()


def received(name: str) -> Path | None:
    """Where a data set lies that this process was sent."""
    path = _received.get(name)
    return path if path is not None and path.exists() else None
