"""How manifests and tables look as bytes.

Reading trusts nothing: checksums are verified, names must be the file's own, and no name leaves its folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from study.directory import checksum
from study.directory.layout import Kind, is_block, named, pack_of, packs_of, part_of
from study.directory.tables import CURVES, LATENCIES, TRIALS, VERSION, Manifest, may_hold, version_of
from trainables.errors import StudyError

SCHEMAS: dict[Kind, pa.Schema] = {"trials": TRIALS, "curves": CURVES}

# What reads fastest. A trials part has many columns of a few rows: dictionaries and compression would double the time.
# Curves are as small with LZ4 as with Zstandard, and take less than half the time: only their names repeat.
_ENCODING: dict[Kind, dict[str, Any]] = {
    "trials": {"compression": "none", "use_dictionary": False, "write_statistics": False},
    "curves": {"compression": "lz4", "use_dictionary": ["study", "method", "trial", "pack"], "write_statistics": False},
}
_SPEC = {"trial": str, "number": int, "lane": int, "seed": int, "data_seed": int, "parameters": dict}


class Damaged(StudyError):
    """A file that is torn, or not what its name says."""


class WrongChecksum(Damaged):
    """A file whose content is not what was written."""


def encode_config(text: str) -> bytes:
    return checksum.seal_text(text.encode())


def decode_config(data: bytes) -> str:
    """The text of study.yaml.

    Raises:
        Damaged: it is no text, or not what was written.
    """
    if not checksum.text_intact(data):
        raise WrongChecksum(
            "its checksum is wrong, so a bit has flipped or it was edited. To change a study, put its YAML into a file "
            "of your own and give that to `study resume DIR FILE`; with the values that its trials were made with "
            "this repairs it"
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Damaged(str(error)) from error


def encode_manifest(manifest: Manifest) -> bytes:
    return encode_mapping(manifest)


def encode_mapping(mapping: Mapping[str, Any]) -> bytes:
    """JSON with a checksum among its keys."""
    return json.dumps({**mapping, "checksum": _checksum(mapping)}, indent=1, allow_nan=False).encode()


def decode_mapping(data: bytes) -> dict[str, Any]:
    """What `encode_mapping` made; without a checksum it is of an older version, or somebody else's.

    Raises:
        Damaged: it is torn, or no mapping.
    """
    try:
        found = json.loads(data)
        _expect(isinstance(found, dict), "a mapping", type(found).__name__)
        if found.pop("checksum", None) not in (None, _checksum(found)):
            raise WrongChecksum("its checksum is wrong")
    except Damaged:
        raise
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from error
    return cast(dict[str, Any], found)


def encode_manifests(manifests: Sequence[Manifest]) -> bytes:
    """Of a block: a line for each, the checksum of all in the last."""
    lines = "".join(json.dumps(manifest, separators=(",", ":"), allow_nan=False) + "\n" for manifest in manifests)
    return checksum.seal_text(lines.encode())


def decode_manifests(data: bytes, path: str) -> list[Manifest]:
    """The manifests in a file, of a pack or of a block.

    Raises: as `decode_manifest`.
    """
    name = pack_of(path)
    if not is_block(name):
        return [decode_manifest(data, path)]
    if not checksum.text_sealed(data):
        raise WrongChecksum("its checksum is wrong")
    packs = packs_of(name)
    try:
        found = [json.loads(line) for line in data.splitlines()[:-1]]
        _expect(len(found) == len(packs), f"{len(packs)} manifests", len(found))
        for manifest, pack in zip(found, packs, strict=True):
            _check_manifest(manifest, pack)
    except (_Newer, Damaged):
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from error
    return cast(list[Manifest], found)


def decode_manifest(data: bytes, path: str) -> Manifest:
    """The manifest in a file of its own.

    Raises:
        Damaged: torn, or not the manifest of the pack that the file is named after.
        ValueError: written by a newer version.
    """
    try:
        found = json.loads(data)
        _check_version(found["schema"])
        if found.pop("checksum") != _checksum(found):
            raise WrongChecksum("its checksum is wrong")
        _check_manifest(found, pack_of(path))
    except (_Newer, Damaged):
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from error
    return cast(Manifest, found)


def _check_manifest(found: Any, pack: str) -> None:
    _check_version(found["schema"])
    _expect(found["pack"] == pack, f"the pack {pack!r}", found["pack"])
    for name in (found["pack"], found["method"], *(trial["trial"] for trial in found["trials"])):
        named(name)
    for trial in found["trials"]:
        for name, kind in _SPEC.items():
            if not isinstance(trial[name], kind):  # of 100,000 trials no message is made that nobody reads
                raise Damaged(f"expected {name} as {kind.__name__}, but got {trial[name]!r}")


_CURVES_KEY = b"study.curves"


def mark_of(data: bytes) -> str:
    """What tells a part from others of its name."""
    return checksum.checksum(data).decode()


def with_curves(trials: pa.Table, mark: str) -> pa.Table:
    """Trials that name the curves that belong to them."""
    return trials.replace_schema_metadata({**(trials.schema.metadata or {}), _CURVES_KEY: mark.encode()})


def curves_of(trials: pa.Table) -> str | None:
    """The mark of the curves that belong to these trials; None of an older version, which did not name them."""
    found = (trials.schema.metadata or {}).get(_CURVES_KEY)
    return None if found is None else found.decode(errors="replace")


def encode_table(table: pa.Table, kind: Kind) -> bytes:
    return _sealed(table, write_page_checksum=True, **_ENCODING[kind])


def encode_block(table: pa.Table, kind: Kind) -> bytes:
    """Many rows of few different words."""
    words = [field.name for field in table.schema if pa.types.is_string(field.type) and field.name != "trial"]
    return _sealed(table, write_page_checksum=True, compression="lz4", use_dictionary=words, write_statistics=False)


def _sealed(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    metadata = {**(table.schema.metadata or {}), checksum.TABLE_KEY: checksum.EMPTY}
    pq.write_table(table.replace_schema_metadata(metadata), sink, **options)
    return checksum.seal_table(bytes(sink.getvalue()))


def _unsealed(data: bytes) -> bytes:
    if not checksum.table_intact(data):
        raise WrongChecksum("its checksum is wrong")
    return data


def decode_table(data: bytes, path: str) -> pa.Table:
    """The rows in a part.

    Raises:
        Damaged: torn, or not rows of the pack and method that the file is named after.
        ValueError: written by a newer version.
    """
    try:
        # One thread and no read-ahead: the bytes are here, and it is other parts that are read at the same time.
        file = pq.ParquetFile(pa.BufferReader(_unsealed(data)), pre_buffer=False, page_checksum_verification=True)
        part = file.read(use_threads=False)
        _check_version(version_of(part))
        _check_rows(part, path)
    except (_Newer, Damaged):
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        kind = WrongChecksum if "CRC" in str(error) else Damaged
        raise kind(f"{type(error).__name__}: {error}") from error
    return part


def _check_rows(part: pa.Table, path: str) -> None:
    kind, method = part_of(path)
    _check_schema(part.schema, kind)
    packs = packs_of(pack_of(path))
    for column, names in (("pack", packs), ("method", [method])):
        others = _distinct(part[column]) - set(map(named, names))
        expected = repr(names[0]) if len(names) == 1 else f"{names[0]!r} to {names[-1]!r}"
        _expect(not others, f"only rows of {column} {expected}", sorted(map(str, others)))
    for name in _distinct(part["trial"]):
        named(name)


def _distinct(column: pa.ChunkedArray) -> set[str]:
    """Arrow's own way loads pyarrow.compute first, which takes longer than a column of usual length."""
    return set((column if len(column) < 10_000 else column.unique()).to_pylist())


@lru_cache  # a study has a thousand parts of a few schemas
def _check_schema(found: pa.Schema, kind: Kind) -> None:
    schema = SCHEMAS[kind]
    for field in found:
        _expect(may_hold(schema, field.name), "the declared columns", field.name)
        if field.name in schema.names:
            expected = schema.field(field.name).type
            _expect(field.type == expected, f"{field.name} as {expected}", field.type)


def encode_latencies(table: pa.Table) -> bytes:
    return _sealed(table)


def decode_latencies(data: bytes, path: str) -> pa.Table:
    """What `study latency` measured, columns as in LATENCIES.

    Raises:
        Damaged: it is torn.
    """
    try:
        return pq.read_table(pa.BufferReader(_unsealed(data))).cast(LATENCIES)
    except Damaged:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from error


class _Newer(StudyError):
    pass


def _check_version(found: int | None) -> None:
    if found is not None and found > VERSION:
        raise _Newer(f"it has schema {found}, but this version of study reads up to {VERSION}")


def _expect(holds: bool, expected: str, got: object) -> None:
    if not holds:
        raise Damaged(f"expected {expected}, but got {got!r}")


def _checksum(mapping: Mapping[str, Any]) -> str:
    canonical = json.dumps(mapping, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()
