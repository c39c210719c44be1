"""Data in an object store, fetched once per node: a file or folder such as `s3://bucket/train.parquet`."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyarrow import fs

from trainables.data import cache
from trainables.errors import StudyError
from trainables.uris import without_secrets


def is_remote(name: str) -> bool:
    """Whether this is a URI."""
    return "://" in name


def fetch(uri: str) -> Path:
    """The file or folder that a URI names, as a local copy; what has changed there (size, time) is fetched anew.

    Endpoint and keys come from the usual variables of the store.

    Raises:
        StudyError: there is no such file, or the URI holds keys.
        OSError: the store does not answer.
    """
    if without_secrets(uri) != uri:
        raise StudyError("data: expected a URI without keys, they would be written down: set the usual variables")
    try:
        store, root = fs.FileSystem.from_uri(uri)
    except (ValueError, pa.ArrowInvalid) as error:
        raise StudyError(f"data: expected a URI that pyarrow.fs reads, s3://BUCKET/FILE, but got {error}") from None
    (found,) = store.get_file_info([root])
    if found.type == fs.FileType.NotFound:
        raise StudyError(f"data: there is no {uri}")
    files = [found] if found.is_file else store.get_file_info(fs.FileSelector(root, recursive=True))
    facts = sorted((file.path, file.size, file.mtime_ns) for file in files if file.is_file)
    if not facts:
        raise StudyError(f"data: there is nothing in {uri}")
    name = PurePosixPath(root).name

    def fetched(folder: Path) -> None:
        for path, _, _ in facts:
            target = folder / name / PurePosixPath(path).relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            fs.copy_files(path, str(target), source_filesystem=store, destination_filesystem=fs.LocalFileSystem())

    return cache.kept(cache.folder() / "remote" / cache.fingerprint(uri, facts), fetched) / name
