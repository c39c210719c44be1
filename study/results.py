"""The study directory, the only truth about a study: configuration, manifests, Parquet parts, readers.

    study.yaml                               resolved configuration
    packs/PACK.json                          manifest: the pack's trials, written before it starts
    results/curves/method=M/PACK.parquet     one row per trial and epoch
    results/trials/method=M/PACK.parquet     one row per trial, written last: with it the pack is finished

Every file is written once and atomically, its name decided by the pack, so doing it twice changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, cast

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from study.schema import (
    CURVES,
    OBJECTIVES,
    PARAMETER,
    STATUSES,
    TRIALS,
    VERSION,
    Manifest,
    Objective,
    TrialSpec,
    check_version,
    concatenate,
    table_of,
    version_of,
)
from study.store import Store

__all__ = [
    "CURVES",
    "OBJECTIVES",
    "PARAMETER",
    "STATUSES",
    "TRIALS",
    "VERSION",
    "Manifest",
    "NotAStudy",
    "Objective",
    "StudyDirectory",
    "TrialSpec",
    "concatenate",
]

_Part = TypeVar("_Part")

_CONFIG = "study.yaml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_READERS = 8
# A trials part has many columns of a few rows: dictionaries and compression would double the time to read it.
_LAYOUT: dict[str, dict[str, Any]] = {
    "trials": {"compression": "none", "use_dictionary": False, "write_statistics": False},
    "curves": {"compression": "zstd"},
}


class NotAStudy(FileNotFoundError):
    """The location holds no study."""


class StudyDirectory:
    """One study's directory: a local path, or an object-store URI as pyarrow.fs reads it.

    Reading what is not a study raises NotAStudy; a damaged file or one of a newer version raises ValueError,
    with its name. Nothing is cached: each call reads what is there.
    """

    def __init__(self, location: str | Path) -> None:
        self.store = Store(location)

    def __repr__(self) -> str:
        return f"StudyDirectory({self.store.location!r})"

    @property
    def location(self) -> str:
        """What the directory was opened with; enough to open it anywhere else."""
        return self.store.location

    @property
    def local(self) -> Path | None:
        """The folder, if it is on a local disk."""
        return self.store.local

    def path(self, *parts: str) -> str:
        """Where a file or folder of the study lies, as a local path or a URI."""
        return self.store.place(*parts)

    def exists(self) -> bool:
        return self.store.exists(_CONFIG)

    def create(self, config_yaml: str, *, replace: bool = False) -> None:
        """Write the resolved configuration, which makes the location a study.

        Raises:
            ValueError: the text is not a YAML mapping.
            FileExistsError: another configuration is there, and it is not to be replaced.
        """
        if not isinstance(yaml.safe_load(config_yaml), dict):
            raise ValueError("expected the configuration as a YAML mapping")
        data = config_yaml.encode()
        if not self.store.put(_CONFIG, data, replace=replace) and self.store.get(_CONFIG) != data:
            raise FileExistsError(f"{self.path()} holds a study with another configuration")

    def config(self) -> dict[str, Any]:
        """The resolved configuration."""
        self._require()
        return cast(dict[str, Any], yaml.safe_load(self.store.get(_CONFIG)))

    def write_manifest(self, manifest: Manifest) -> None:
        """Write what a pack is to train, before it starts."""
        self._require()
        path = f"packs/{_named(manifest['pack'])}.json"
        self.store.put(path, json.dumps(manifest, indent=1, allow_nan=False).encode())

    def manifest(self, pack: str) -> Manifest:
        """The manifest of one pack."""
        self._require()
        return self._manifest(f"packs/{_named(pack)}.json")

    def manifests(self) -> list[Manifest]:
        """All manifests, in the order of their packs' names."""
        self._require()
        return self._all(self.store.names("packs", ".json"), self._manifest)

    def write_results(
        self,
        pack: str,
        method: str,
        trials: Sequence[Mapping[str, Any]],
        curves: Sequence[Mapping[str, Any]],
    ) -> None:
        """Write a pack's rows; with that it is finished.

        Args:
            trials: one row per trial, columns as in TRIALS and `param_NAME` for its parameters.
            curves: one row per trial and epoch, columns as in CURVES.

        Raises:
            ValueError: a column that is not declared, a missing or unfit value, a row of another pack, a
            trial twice.
        """
        self._require()
        parts = {"curves": table_of(curves, CURVES), "trials": table_of(trials, TRIALS)}
        for part in parts.values():
            for column, name in (("pack", pack), ("method", method)):
                others = set(part[column].to_pylist()) - {name}
                if others:
                    raise ValueError(f"expected only rows of {column} {name!r}, but got {sorted(others)}")
        names = parts["trials"]["trial"].to_pylist()
        if len(set(names)) < len(names):
            raise ValueError(f"expected one row per trial, but got {sorted(names)}")
        unknown = set(parts["trials"]["status"].to_pylist()) - set(STATUSES)
        if unknown:
            raise ValueError(f"expected a status of {', '.join(STATUSES)}, but got {sorted(unknown)}")
        for kind, part in parts.items():
            self.store.put(_part(kind, pack, method), _parquet(part, kind))

    def finished(self) -> set[str]:
        """The packs that have results."""
        self._require()
        return {PurePosixPath(name).stem for name in self.store.names("results/trials", ".parquet")}

    def rows(self, pack: str, method: str) -> list[dict[str, Any]]:
        """The trial rows of one finished pack, as they were written (NaN as None)."""
        self._require()
        return cast(list[dict[str, Any]], self._table(_part("trials", pack, method)).to_pylist())

    def trials(self) -> pa.Table:
        """All trials that have results, by pack: the columns of TRIALS, then the `param_NAME` columns."""
        return self._tables("trials", TRIALS)

    def curves(self) -> pa.Table:
        """The curves of all trials that have results."""
        return self._tables("curves", CURVES)

    def _require(self) -> None:
        if not self.exists():
            raise NotAStudy(f"expected a study directory (with {_CONFIG} in it) at {self.path()}")

    def _tables(self, kind: str, schema: pa.Schema) -> pa.Table:
        finished = self.finished()
        parts = [
            name
            for name in self.store.names(f"results/{kind}", ".parquet")
            if PurePosixPath(name).stem in finished
        ]
        return concatenate(self._all(parts, self._table), schema)

    def _all(self, names: Iterable[str], read: Callable[[str], _Part]) -> list[_Part]:
        with ThreadPoolExecutor(_READERS) as pool:
            return list(pool.map(read, names))

    def _table(self, name: str) -> pa.Table:
        data = self.store.get(name)
        try:
            part = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True).read(
                use_threads=False
            )
        except (pa.ArrowInvalid, OSError) as error:
            raise ValueError(f"{self.path(name)} is damaged: {error}") from error
        check_version(version_of(part), self.path(name))
        return part

    def _manifest(self, name: str) -> Manifest:
        try:
            manifest = json.loads(self.store.get(name))
            check_version(manifest["schema"], self.path(name))
            manifest["trials"], manifest["pack"], manifest["method"]
        except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(f"{self.path(name)} is damaged: {error!r}") from error
        return cast(Manifest, manifest)


def _part(kind: str, pack: str, method: str) -> str:
    return f"results/{kind}/method={_named(method)}/{_named(pack)}.parquet"


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"expected a name of letters, digits, '_', '-' and '.', but got {name!r}")
    return name


def _parquet(table: pa.Table, kind: str) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, write_page_checksum=True, **_LAYOUT[kind])
    return bytes(sink.getvalue())
