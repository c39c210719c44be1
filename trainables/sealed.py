"""Safetensors with a checksum of all they hold in their own metadata.

The format has none, and a weight with a flipped bit is a weight. Any reader of safetensors reads these files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from safetensors import deserialize

from trainables.errors import StudyError

_METADATA, _CHECKSUM = "__metadata__", "checksum"


def seal(data: bytes, metadata: Mapping[str, str]) -> bytes:
    """The tensors of ``data``, safetensors as bytes, with these metadata for theirs and a checksum of it all."""
    header, body = _split(data)
    header = {_METADATA: dict(metadata)} | {name: tensor for name, tensor in header.items() if name != _METADATA}
    header[_METADATA][_CHECKSUM] = _checksum(header, body)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body


def unseal(data: bytes) -> dict[str, str]:
    """The metadata of what `seal` made.

    Raises:
        safetensors.SafetensorError: it is torn, or no safetensors.
        ValueError: it has no checksum, or not the right one.
    """
    deserialize(data)  # type: ignore[no-untyped-call]
    header, body = _split(data)
    found: dict[str, str] = header.get(_METADATA, {})
    if _CHECKSUM not in found:
        raise StudyError("it has no checksum")
    if found[_CHECKSUM] != _checksum(header, body):
        raise StudyError("its checksum is wrong")
    return {name: value for name, value in found.items() if name != _CHECKSUM}


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    start = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:start]), data[start:]


def _checksum(header: Mapping[str, Any], body: bytes) -> str:
    """Of the header's content, whatever its spelling, without the checksum; and of the tensors."""
    metadata = {name: value for name, value in header[_METADATA].items() if name != _CHECKSUM}
    content = json.dumps({**header, _METADATA: metadata}, sort_keys=True).encode()
    return hashlib.blake2b(content + body, digest_size=16).hexdigest()
