"""The study directory, the only truth about a study: configuration, manifests, Parquet parts, readers.

`study.directory.layout` says where everything lies. Manifests and parts are written once and atomically, their names
decided by the pack, so doing it twice changes nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from study.directory.blocks import listed
from study.directory.encoding import (
    SCHEMAS,
    Damaged,
    curves_of,
    decode_config,
    decode_latencies,
    decode_manifests,
    decode_table,
    encode_config,
    encode_latencies,
    encode_manifest,
    encode_table,
    mark_of,
    with_curves,
)
from study.directory.layout import (
    CONFIG,
    LATENCY,
    MANIFEST_SUFFIX,
    PACKS,
    PART_SUFFIX,
    Kind,
    belonging,
    blocks_of,
    is_block,
    is_segment,
    manifest_path,
    named,
    pack_of,
    packs_of,
    part_of,
    part_path,
    parts_folder,
    second_path,
)
from study.directory.segments import Segments
from study.directory.store import Store
from study.directory.tables import (
    AFTERWARDS,
    ANSWERS,
    CURVES,
    LATENCIES,
    OBJECTIVES,
    PARAMETER,
    STATUSES,
    TRIALS,
    TRIALS_READ,
    VERSION,
    Manifest,
    Objective,
    TrialSpec,
    concatenate,
    table_of,
    without_answers,
)
from trainables.errors import StudyError
from trainables.own_code import reading

__all__ = [
    "AFTERWARDS",
    "CURVES",
    "LATENCIES",
    "OBJECTIVES",
    "PARAMETER",
    "STATUSES",
    "TRIALS",
    "VERSION",
    "Damaged",
    "DamagedWarning",
    "Manifest",
    "NotAStudy",
    "Objective",
    "StudyDirectory",
    "TrialSpec",
    "concatenate",
]

_Part = TypeVar("_Part")

_READERS = 8
_ATTEMPTS = 10


class NotAStudy(StudyError, FileNotFoundError):
    """The location holds no study."""


class DamagedWarning(UserWarning):
    """A file is torn or not what its name says, and was left out of what was read."""


class StudyDirectory:
    """One study's directory: a local path, or an object-store URI as pyarrow.fs reads it.

    Reading what is not a study raises NotAStudy. Of a damaged file the reader of one file raises Damaged, and the
    readers of all (manifests, trials, curves) leave it out with a DamagedWarning; they change nothing (study.doctor
    does). A file of a newer version raises ValueError. Nothing is cached: each call reads what is there.
    """

    def __init__(self, location: str | Path) -> None:
        self.store = Store(location)
        self.segments = Segments(self.store)

    def __repr__(self) -> str:
        return f"StudyDirectory({self.path()!r})"

    @property
    def location(self) -> str:
        """Enough to open the directory anywhere else. It may hold keys: for people and for files there is `path`."""
        return self.store.location

    @property
    def local(self) -> Path | None:
        """The folder, if it is on a local disk."""
        return self.store.local

    def path(self, *parts: str) -> str:
        """Where a file or folder of the study lies, as a local path or a URI; without keys."""
        return self.store.place(*parts)

    def exists(self) -> bool:
        return self.store.exists(CONFIG)

    def create(self, config_yaml: str, *, replace: bool = False) -> None:
        """Write the resolved configuration, which makes the location a study.

        Raises:
            ValueError: the text is not a YAML mapping.
            FileExistsError: another configuration is there, and it is not to be replaced.
        """
        if not isinstance(yaml.safe_load(config_yaml), dict):
            raise ValueError("expected the configuration as a YAML mapping")
        data = encode_config(config_yaml)
        if not self.store.put(CONFIG, data, replace=replace) and self.store.get(CONFIG) != data:
            raise FileExistsError(f"{self.path()} holds a study with another configuration")

    def config(self) -> dict[str, Any]:
        """The resolved configuration."""
        self._require()
        reading(self.local)
        try:
            found = yaml.safe_load(self.config_text())
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise Damaged(f"{self.path(CONFIG)} is damaged: {error}") from error
        if not isinstance(found, dict):
            raise Damaged(f"{self.path(CONFIG)} is damaged: expected a mapping, but got {type(found).__name__}")
        try:
            named(str(found.get("name", "")))  # it becomes a folder's
        except StudyError as error:
            raise Damaged(f"{self.path(CONFIG)} is damaged: name: {error}") from None
        return found

    def config_text(self) -> str:
        """The resolved configuration as it is written.

        Raises:
            WrongChecksum: it is no more what was written.
        """
        self._require()
        return self._decoded(CONFIG, lambda data, path: decode_config(data))

    def write_manifest(self, manifest: Manifest) -> None:
        """Write what a pack, or a segment, is to train, before it starts."""
        self._require()
        if is_segment(manifest["pack"]):
            self.segments.write_manifest(manifest)
            return
        self.store.put(manifest_path(manifest["pack"]), encode_manifest(manifest))

    def manifest(self, pack: str) -> Manifest:
        """The manifest of one pack, or segment."""
        self._require()
        if is_segment(pack):
            return self.segments.manifest(pack)
        found = self._manifests(self._place_of(pack, manifest_path))
        return next(manifest for manifest in found if manifest["pack"] == pack)

    def manifests(self, without: Collection[str] = ()) -> list[Manifest]:
        """All manifests, in the order of their packs' names; of those packs not, which saves reading them."""
        self._require()
        left_out = set(without)

        def read() -> list[list[Manifest]]:
            names = listed(self.store, PACKS, MANIFEST_SUFFIX)
            return self._readable([n for n in names if not left_out.issuperset(packs_of(pack_of(n)))], self._manifests)

        found = [manifest for manifests in _until_it_stays(read) for manifest in manifests]
        return sorted((one for one in found if one["pack"] not in left_out), key=lambda manifest: manifest["pack"])

    def write_results(
        self,
        pack: str,
        method: str,
        trials: Sequence[Mapping[str, Any]],
        curves: Sequence[Mapping[str, Any]],
    ) -> None:
        """Write a pack's rows; with that it is finished. Of several writers the first one's rows stay, all of them.

        The trials decide, in one step, and name the curves that belong to them. Curves that find others in their place
        go beside them, so that a writer never takes away what the other one's trials name.

        Args:
            trials: one row per trial, columns as in TRIALS and `param_NAME` for its parameters.
            curves: one row per trial and epoch, columns as in CURVES.

        Raises:
            ValueError: a column that is not declared, a missing or unfit value, a row of another pack, a
            trial twice.
        """
        self._require()
        parts: dict[Kind, pa.Table] = {"curves": table_of(curves, CURVES), "trials": table_of(trials, TRIALS)}
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
        curves_part = encode_table(parts["curves"], "curves")
        mark = mark_of(curves_part)
        self._put_curves(part_path("curves", pack, method), curves_part, mark)
        self.store.put(part_path("trials", pack, method), encode_table(with_curves(parts["trials"], mark), "trials"))

    def _put_curves(self, path: str, data: bytes, mark: str) -> None:
        if self.store.exclusive and (self.store.put(path, data) or self.store.get(path) == data):
            return
        self.store.put(second_path(path, mark), data)

    def finished(self) -> set[str]:
        """The packs that have results."""
        self._require()
        names = listed(self.store, parts_folder("trials"), PART_SUFFIX)
        return {pack for name in names for pack in packs_of(pack_of(name))}

    def is_finished(self, pack: str, method: str) -> bool:
        """Whether a pack has results; quicker than to ask for all that have."""
        return self.store.exists(self._place_of(pack, lambda name: part_path("trials", name, method)))

    def rows(self, pack: str, method: str) -> list[dict[str, Any]]:
        """The trial rows of one finished pack, as they were written (NaN as None), without the answers."""
        self._require()
        part = without_answers(self._table(self._place_of(pack, lambda name: part_path("trials", name, method))))
        return cast(list[dict[str, Any]], part.filter(pc.equal(part["pack"], pack)).to_pylist())

    def trials(self) -> pa.Table:
        """All trials that have results, by pack: the columns of TRIALS but for the answers, then the `param_NAME`."""
        return self._tables("trials", of_part=without_answers, schema=TRIALS_READ)

    def answers(self, trials: Collection[str] | None = None) -> pa.Table:
        """How each example was answered, by all trials or by some: columns trial, task, and those of ANSWERS."""
        columns = ["trial", "task", "val_examples", "test_examples", *ANSWERS]
        wanted = None if trials is None else pa.array(list(trials), pa.string())

        def of_part(part: pa.Table) -> pa.Table:
            part = part.select([name for name in columns if name in part.column_names])
            return part if wanted is None else part.filter(pc.is_in(part["trial"], wanted))

        return self._tables("trials", of_part=of_part).select(columns)

    def _place_of(self, pack: str, path_of: Callable[[str], str]) -> str:
        """Where the file of a pack is: its own, unless only that of a block is there."""
        own = path_of(pack)
        if self.store.exists(own):
            return own
        return next(filter(self.store.exists, map(path_of, blocks_of(pack))), own)

    def curves(self, packs: Collection[str] | None = None, trials: Collection[str] | None = None) -> pa.Table:
        """The curves of all trials that have results, or of some: only their packs are read, only their rows kept."""
        if trials is None:
            return self._tables("curves", packs)
        wanted = pa.array(list(trials), pa.string())
        return self._tables("curves", packs, lambda part: part.filter(pc.is_in(part["trial"], wanted)))

    def write_latencies(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add latencies, columns as in LATENCIES; of a network that was timed the same way before the new ones stay.

        Raises:
            ValueError: a column that is not declared, a missing or unfit value.
        """
        self._require()
        known = {_way(row): row for row in [*self.latencies().to_pylist(), *table_of(rows, LATENCIES).to_pylist()]}
        self.store.put(LATENCY, encode_latencies(table_of(list(known.values()), LATENCIES)), replace=True)

    def latencies(self) -> pa.Table:
        """How long networks take, as far as that was measured."""
        self._require()
        names = [LATENCY] if self.store.exists(LATENCY) else []
        return concatenate(self._readable(names, lambda name: self._decoded(name, decode_latencies)), LATENCIES)

    def _require(self) -> None:
        if not self.exists():
            raise NotAStudy(f"expected a study directory (with {CONFIG} in it) at {self.path()}")

    def _tables(
        self,
        kind: Kind,
        packs: Collection[str] | None = None,
        of_part: Callable[[pa.Table], pa.Table] = lambda part: part,
        schema: pa.Schema | None = None,
    ) -> pa.Table:
        """The parts of finished packs, or of some of them, each as ``of_part`` leaves it."""
        self._require()

        def read() -> list[pa.Table]:
            finished = self.finished() if kind == "curves" or packs is not None else None
            wanted = finished if finished is None or packs is None else finished.intersection(packs)
            parts = listed(self.store, parts_folder(kind), PART_SUFFIX)
            if wanted is not None:
                parts = [name for name in parts if not wanted.isdisjoint(packs_of(pack_of(name)))]
            if kind == "curves":
                parts = self._that_belong(parts)
            return self._readable(parts, lambda name: of_part(_only(self._table(name), name, wanted)))

        return concatenate(_until_it_stays(read), schema or SCHEMAS[kind])

    def _that_belong(self, curves: Sequence[str]) -> list[str]:
        """Of packs with several curves those that their trials name."""
        by_pack: dict[str, list[str]] = {}
        for name in curves:
            by_pack.setdefault(pack_of(name), []).append(name)
        return [name for names in by_pack.values() for name in (names if len(names) == 1 else self._named(names))]

    def _named(self, curves: Sequence[str]) -> list[str]:
        pack, (_, method) = pack_of(curves[0]), part_of(curves[0])
        try:
            mark = curves_of(self._table(part_path("trials", pack, method)))
        except (Damaged, FileNotFoundError):
            return []
        return [belonging(curves, part_path("curves", pack, method), mark)]

    def _readable(self, names: Iterable[str], read: Callable[[str], _Part]) -> list[_Part]:
        """What can be read of these files; a warning for each that is damaged."""

        def attempt(name: str) -> _Part | Damaged:
            try:
                return read(name)
            except Damaged as error:
                return error

        with ThreadPoolExecutor(_READERS) as pool:
            found = list(pool.map(attempt, names))
        for error in found:
            if isinstance(error, Damaged):
                warnings.warn(f"{error}; it was left out", DamagedWarning, stacklevel=4)
        return [part for part in found if not isinstance(part, Damaged)]

    def _table(self, name: str) -> pa.Table:
        return self._decoded(name, decode_table)

    def _manifests(self, name: str) -> list[Manifest]:
        return self._decoded(name, decode_manifests)

    def _decoded(self, name: str, decode: Callable[[bytes, str], _Part]) -> _Part:
        """What the file holds; errors name it."""
        data = self.store.get(name)
        try:
            return decode(data, name)
        except Damaged as error:
            raise type(error)(f"{self.path(name)} is damaged: {error}") from error
        except ValueError as error:
            raise StudyError(f"{self.path(name)} cannot be read: {error}") from error


def _only(part: pa.Table, path: str, wanted: Collection[str] | None) -> pa.Table:
    """The rows of the packs that are wanted, None for all, where the part is a block's."""
    if wanted is None or not is_block(pack_of(path)) or all(pack in wanted for pack in packs_of(pack_of(path))):
        return part
    return part.filter(pc.is_in(part["pack"], pa.array(list(wanted))))


def _until_it_stays(read: Callable[[], _Part]) -> _Part:
    """What is read of many files, once none of them is gone when its turn comes: packs go into blocks meanwhile."""
    for _ in range(_ATTEMPTS):
        try:
            return read()
        except FileNotFoundError as error:
            if isinstance(error, NotAStudy):
                raise
    return read()


def _way(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The network of a row of LATENCIES and how it was timed."""
    names = ("trial", "network", "batch", "device", "dtype", "threads", "compiled", "cuda_graph")
    return tuple(row[name] for name in names)
