"""Arrays made once and memory-mapped by every process of a node; folders of files fetched once.

An array is one .npy file named by a fingerprint of what it was made from. It appears complete or not at all
(temporary name, fsync, rename); a lock lets one process make it while the others wait; one that does not open
as the expected array (truncated, foreign) is made again. Deleting the folder between runs costs time only.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from uuid import uuid4

import numpy as np
from filelock import FileLock
from numpy.typing import DTypeLike, NDArray

_FORMAT = 1  # part of every fingerprint: raise it when decoding changes


def folder() -> Path:
    """STUDY_CACHE, or `study` in the user's cache folder (XDG_CACHE_HOME, ~/.cache)."""
    if chosen := os.environ.get("STUDY_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "study"


def fingerprint(*parts: object) -> str:
    """A name for what is made from `parts`: values, and files (Path) by path, size and time of change."""
    digest = blake2b(repr(_FORMAT).encode(), digest_size=16)
    for part in parts:
        if isinstance(part, Path):
            facts = part.stat()
            part = (str(part.resolve()), facts.st_size, facts.st_mtime_ns)
        digest.update(part if isinstance(part, bytes) else repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def array(
    key: str, shape: tuple[int, ...], dtype: DTypeLike, chunks: Callable[[], Iterable[NDArray[np.generic]]]
) -> NDArray[np.generic]:
    """The array stored under `key`; where it is not there, made from `chunks()`, the blocks of its rows.

    Mapped copy-on-write: pages are shared with other processes, and torch.from_numpy takes it without a copy.
    """
    path = folder() / f"{key}.npy"
    found = _mapped(path, shape, dtype)
    if found is None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            found = _mapped(path, shape, dtype)  # another process may have made it meanwhile
            if found is None:
                _write(path, shape, dtype, chunks())
                found = _mapped(path, shape, dtype)
    if found is None:
        raise OSError(f"{path} was written and does not open: is the disk of STUDY_CACHE in order?")
    return found


def kept(home: Path, make: Callable[[Path], None]) -> Path:
    """The folder ``home``, which is there whole or not at all; of several processes that want it one makes it.

    Args:
        make: puts what belongs there into a folder that takes its place.
    """
    if home.is_dir():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(home.with_suffix(".lock")):
        if home.is_dir():
            return home  # another process of this node has made it meanwhile
        work = home.with_suffix(f".{uuid4().hex}.tmp")
        work.mkdir()
        try:
            make(work)
            work.replace(home)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return home


def _mapped(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[np.generic] | None:
    try:
        found: NDArray[np.generic] = np.load(path, mmap_mode="c")
    except (OSError, ValueError, EOFError):
        return None
    return found if (found.shape, found.dtype) == (shape, np.dtype(dtype)) else None


def _write(path: Path, shape: tuple[int, ...], dtype: DTypeLike, chunks: Iterable[NDArray[np.generic]]) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    temporary = path.with_suffix(f".{uuid4().hex}.tmp")
    rows = 0
    try:
        with temporary.open("wb") as file:
            np.lib.format.write_array_header_2_0(file, header)
            for chunk in chunks:
                file.write(np.ascontiguousarray(chunk, dtype).data)
                rows += len(chunk)
            file.flush()
            os.fsync(file.fileno())
        assert rows == shape[0], f"{rows} rows were made for an array of {shape[0]}"
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
