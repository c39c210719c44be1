"""Files that appear whole or not at all, in a local folder or an object store.

A reader never sees half a file, and what was written survives a power cut: on a local disk a file is written
under a temporary name, fsynced, renamed, and its folder fsynced; on an object store it is one PUT, visible
when complete.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import cached_property
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from pyarrow import fs

from study.directory.conditional import Changed, Conditional, NotSupported
from study.directory.layout import CONFIG, aside, is_temporary, temporary
from trainables.errors import StudyError
from trainables.uris import without_secrets

HOOKS: list[Callable[[str, str], None]] = []
"""Fault points for tests: called with the next step and the file, before each step of a write and at the end.

The steps are write, fsync, rename, fsync folder, done; on an object store put, done; to set a damaged file
aside quarantine, done; before one is deleted remove.
"""

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class Store:
    """The files under one location: a local path, or a URI that pyarrow.fs understands (`s3://bucket/runs/digits`).

    Files are named by paths relative to the location, with forward slashes. Names that start with a dot are
    files being written, or left over from a writer that was killed; no reader sees them.
    """

    def __init__(self, location: str | Path) -> None:
        self.location = str(location)
        """Enough to open it anywhere else. It may hold keys: what is shown or written down is `place`."""
        if "://" in self.location:
            self._fs, self._root = _opened(self.location)
        else:
            self.location = self._root = str(Path(location).expanduser().resolve())
            self._fs = fs.LocalFileSystem()
        self.local = Path(self._root) if isinstance(self._fs, fs.LocalFileSystem) else None
        self._seen = False
        """Whether the study, or anything in a local folder, was there: what is gone after that was removed."""

    @cached_property
    def conditional(self) -> Conditional | None:
        """Conditional requests, on S3 where boto3 is installed."""
        if self.local is not None or urlsplit(self.location).scheme != "s3":
            return None
        try:
            return Conditional(self.location)
        except ImportError:
            return None

    @property
    def exclusive(self) -> bool:
        """Whether, of two that put a file at once, one is told that it was there already."""
        return self.local is not None or self.conditional is not None

    def place(self, *parts: str) -> str:
        """Where a file or folder lies, as a local path or a URI; without keys."""
        inside = self._inside("/".join(parts))
        if self.local is not None:
            return inside.rstrip("/")
        uri = urlsplit(without_secrets(self.location))
        return uri._replace(path="/".join((uri.path.rstrip("/"), *parts))).geturl()

    def exists(self, path: str) -> bool:
        found = bool(self._fs.get_file_info(self._inside(path)).type == fs.FileType.File)
        if found and path == CONFIG:
            self._seen = True
        return found

    def names(self, folder: str, suffix: str) -> list[str]:
        """The files under a folder at any depth, sorted; none when there is no such folder."""
        found = [
            info.path[len(self._root) + 1 :]
            for info in self._listed(folder)
            if info.type == fs.FileType.File and not info.base_name.startswith(".")
        ]
        return sorted(path for path in found if path.endswith(suffix))

    def _listed(self, folder: str) -> list[fs.FileInfo]:
        selector = fs.FileSelector(self._inside(folder), recursive=True, allow_not_found=True)
        try:
            return list(self._fs.get_file_info(selector))
        except FileNotFoundError:  # Arrow looked before and after somebody made the folder
            return list(self._fs.get_file_info(selector))

    def get(self, path: str) -> bytes:
        with self._fs.open_input_file(self._inside(path)) as stream:
            self._seen = self._seen or self.local is not None or path == CONFIG
            return bytes(stream.read())

    def put(self, path: str, data: bytes, *, replace: bool = False) -> bool:
        """Write a file, durably and atomically; False when it was there already and is left as it is.

        Of two that write a new file at once one gets False, if the store is `exclusive`.

        Raises:
            FileNotFoundError: what was there was removed since this object saw it; it is not made anew.
        """
        if not replace and self.exists(path):
            return False
        if self._removed():
            raise FileNotFoundError(errno.ENOENT, "the folder was removed", self.place())
        if self.local is not None:
            written = _write(Path(self._own(path)), data, replace)
            self._seen = True
            return written
        _step("put", path)
        try:
            if replace or not self._put_new(path, data):
                stream = self._fs.open_output_stream(self._inside(path))
                stream.write(data)
                stream.close()
        except Changed:
            return False
        self._seen = self._seen or path == CONFIG
        _step("done", path)
        return True

    def _removed(self) -> bool:
        if not self._seen:
            return False
        return not (self.local.is_dir() if self.local is not None else self.exists(CONFIG))

    def tagged(self, path: str) -> tuple[bytes, str | None]:
        """A file, and what tells this version of it from others where the store has such tags.

        Raises:
            FileNotFoundError: there is none.
        """
        if self.conditional is None:
            return self.get(path), None
        data, tag = self.conditional.get(self._key(path))
        if data is None:
            raise FileNotFoundError(f"{self.place(path)} is not there")
        return data, tag

    def swap(self, path: str, data: bytes, tag: str | None) -> None:
        """Write a file in the place of the version with this tag (None: of none); in any one's where there are no tags.

        Raises:
            Changed: another version is there by now.
        """
        if self.conditional is not None:
            _step("put", path)
            try:
                self.conditional.put(self._key(path), data, tag)
                _step("done", path)
                return
            except NotSupported:
                self.conditional = None
        self.put(path, data, replace=True)

    def _put_new(self, path: str, data: bytes) -> bool:
        """Whether it could be written on condition that there is none; raises Changed where there is one."""
        if self.conditional is None:
            return False
        try:
            self.conditional.put(self._key(path), data, None)
        except NotSupported:
            self.conditional = None
            return False
        return True

    def _key(self, path: str) -> str:
        """Its name inside the bucket."""
        return self._inside(path).partition("/")[2]

    def remove(self, path: str) -> None:
        """Delete a file; nothing happens when there is none."""
        _step("remove", path)
        if self.local is not None:
            Path(self._own(path)).unlink(missing_ok=True)
        elif self.exists(path):
            self._fs.delete_file(self._inside(path))

    def quarantine(self, path: str) -> str:
        """Rename a damaged file to end in `.corrupt`, where no reader looks; returns its new path.

        A second one of the same name becomes `.corrupt-2`, and so on: nothing is written over. Atomic on a local
        disk; on an object store a copy, then the original is deleted: again after a crash in between completes it.
        """
        place = next(free for number in count(1) if not self.exists(free := aside(path, number)))
        _step("quarantine", path)
        self._fs.move(self._own(path), self._own(place))
        _step("done", path)
        return place

    def leftovers(self) -> list[str]:
        """Files that were being written by this class when their writer was killed; while one is at work, its own."""
        if self.local is None:
            return []  # a PUT that was cut off leaves nothing
        found = (path for path in self.local.rglob(".*") if is_temporary(path.name))
        return sorted(path.relative_to(self.local).as_posix() for path in found if path.is_file())

    def _own(self, path: str) -> str:
        """A file to be changed: links that lead elsewhere are not followed."""
        inside = self._inside(path)
        if self.local is not None and not Path(inside).parent.resolve().is_relative_to(self.local):
            raise StudyError(f"expected a path inside {self._root}, but {path!r} leads elsewhere")
        return inside

    def _inside(self, path: str) -> str:
        if path.startswith("/") or ".." in path.split("/"):
            raise StudyError(f"expected a path inside {self._root}, but got {path!r}")
        return f"{self._root}/{path}"


def _opened(location: str) -> tuple[fs.FileSystem, str]:
    try:
        found: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(_in_one_put(location))
    except (ValueError, NotImplementedError) as error:
        raise StudyError(without_secrets(f"{location} cannot be opened: {error}")) from None
    return found


def _in_one_put(location: str) -> str:
    """S3 only: small files in one PUT, where Arrow's default is the three requests of a multipart upload."""
    uri = urlsplit(location)
    if uri.scheme != "s3" or "allow_delayed_open" in uri.query:
        return location
    return uri._replace(query="&".join(filter(None, (uri.query, "allow_delayed_open=true")))).geturl()


def _write(path: Path, data: bytes, replace: bool) -> bool:
    """False where there is such a file already, and it is not to be replaced."""
    _make(path.parent)
    draft = path.with_name(temporary(path.name))
    try:
        _step("write", str(path))
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            _step("fsync", str(path))
            os.fsync(file.fileno())
        _step("rename", str(path))
        if replace or not _linked(draft, path):
            draft.replace(path)
    except FileExistsError:
        draft.unlink(missing_ok=True)
        return False
    except Exception as error:
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # an open file's errors do not name it
        raise
    _step("fsync folder", str(path))
    _sync(path.parent)
    _step("done", str(path))
    return True


def _linked(draft: Path, path: Path) -> bool:
    """Rename a file as one step with the look whether there is another; False where the file system has no links.

    Raises:
        FileExistsError: there is another.
    """
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    draft.unlink()
    return True


def _make(folder: Path) -> None:
    """Make a folder that survives a power cut: its name is in its parent, so that must reach the disk."""
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _step(name: str, path: str) -> None:
    for hook in HOOKS:
        hook(name, path)
