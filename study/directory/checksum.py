"""Checksums that files of a study carry inside: any reader of YAML, of Parquet or of torch's archives still reads them.

A file without one is of an older version, and is read as it is: `intact` is True.
"""

from __future__ import annotations

import hashlib
import re

TABLE_KEY = b"study.checksum"
"""Where a Parquet file's metadata have it."""
EMPTY = b"0" * 32
"""What stands there while it is computed."""

_TEXT = re.compile(rb"# checksum: ([0-9a-f]{32})\n?\Z")
_TABLE = re.compile(re.escape(TABLE_KEY) + rb"\x18\x20([0-9a-f]{32})")  # Thrift: the length, then the text
_MARK = b"study:"


def checksum(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).hexdigest().encode()


def seal_text(data: bytes) -> bytes:
    """A comment at the end."""
    return data + b"# checksum: " + checksum(data) + b"\n"


def text_sealed(data: bytes) -> bool:
    """Whether it has a checksum, and that is right."""
    return _TEXT.search(data) is not None and text_intact(data)


def text_intact(data: bytes) -> bool:
    found = _TEXT.search(data)
    return found is None or found[1] == checksum(data[: found.start()])


def seal_table(data: bytes) -> bytes:
    """Into the place that the metadata of a Parquet file keep for it."""
    *_, place = _TABLE.finditer(data)
    return data[: place.start(1)] + checksum(data) + data[place.end(1) :]


def table_intact(data: bytes) -> bool:
    """Of a Parquet file: all of its bytes, the footer's too, which Parquet's own checksums leave out."""
    places = list(_TABLE.finditer(data, max(0, len(data) - 2**20)))
    if not places or not data.endswith(b"PAR1"):
        return True  # of an older version, or torn, which Parquet's reader says
    start, end = places[-1].span(1)
    return data[start:end] == checksum(data[:start] + EMPTY + data[end:])


def seal_archive(data: bytes) -> bytes:
    """Behind the end, where readers of archives look no more."""
    return data + _MARK + checksum(data)


def unseal_archive(data: bytes) -> bytes | None:
    """What was sealed; None where the checksum is wrong."""
    body, mark, found = data[:-38], data[-38:-32], data[-32:]
    if mark != _MARK:
        return None if _MARK in data[-38:] else data
    return body if found == checksum(body) else None
