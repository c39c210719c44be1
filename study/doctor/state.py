"""All that is in a study directory, read once, and what of it cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from study.directory import (
    CONFIG,
    MANIFEST_SUFFIX,
    PACKS,
    PART_SUFFIX,
    TRIALS_READ,
    Damaged,
    Manifest,
    StudyDirectory,
    belonging,
    broke_off,
    concatenate,
    curves_of,
    decode_manifests,
    decode_table,
    is_block,
    is_manifest,
    is_part,
    listed,
    mark_of,
    pack_of,
    packs_of,
    part_of,
    part_path,
    parts_folder,
    without_answers,
)
from trainables.errors import StudyError

_READERS = 8
_Read = TypeVar("_Read")


@dataclass
class State:
    """What is in a study directory, and what of it could not be read.

    What is in a block has the path that it had as a file of its own.
    """

    directory: StudyDirectory
    live: bool
    config: Mapping[str, Any] | None = None
    manifests: dict[str, Manifest] = field(default_factory=dict)
    trials: dict[str, pa.Table] = field(default_factory=dict)
    """By path."""
    curves: dict[str, str] = field(default_factory=dict)
    """The marks of those that are whole, by path."""
    unreadable: dict[str, Exception] = field(default_factory=dict)
    blocks: dict[str, str] = field(default_factory=dict)
    """Where parts are that are in a block."""
    tables: list[pa.Table] = field(default_factory=list)
    """The trials of each file."""

    def rows(self) -> pa.Table:
        """All trials, as `StudyDirectory.trials` reads them."""
        return concatenate(map(without_answers, self.tables), TRIALS_READ)

    def refuse_newer(self) -> None:
        """Raises StudyError where a file is whole, and cannot be read: a newer version has written it."""
        for path, error in self.unreadable.items():
            if not isinstance(error, Damaged):
                raise StudyError(f"{self.directory.path(path)} cannot be read: {error}") from error

    @cached_property
    def finished(self) -> dict[str, pa.Table]:
        """Rows by pack; a torn part counts as none."""
        return {pack_of(path): rows for path, rows in self.trials.items()}

    def broke_off(self, pack: str) -> list[dict[str, Any]]:
        """Rows of those trials of a finished pack that failed before their end."""
        rows = self.finished.get(pack)
        if rows is None:
            return []
        return [row for row in rows.select(["trial", "status", "epochs", "reason"]).to_pylist() if broke_off(row)]

    @cached_property
    def belonging(self) -> dict[str, str]:
        """Of finished packs the path that their curves have, if any are there."""
        paths = {*self.curves, *(path for path in self.unreadable if is_part(path))}
        parts = {pack_of(path): (part_of(path)[1], curves_of(rows)) for path, rows in self.trials.items()}
        return {
            pack: belonging(paths, part_path("curves", pack, method), mark) for pack, (method, mark) in parts.items()
        }

    def curves_of(self, pack: str, method: str) -> pa.Table | None:
        """Of a finished pack; None where it has none."""
        path = self.belonging.get(pack, part_path("curves", pack, method))
        if path not in self.curves:
            return None
        place = self.blocks.get(path, path)
        found = decode_table(self.directory.store.get(place), place)
        return found.filter(pc.equal(found["pack"], pack))

    def second(self, path: str) -> bool:
        """Whether these are curves of a writer that came second: the pack's trials name others."""
        return part_of(path)[0] == "curves" and self.belonging.get(pack_of(path), path) != path

    @cached_property
    def unknown_packs(self) -> set[str]:
        """Packs whose manifest cannot be read; they may be anything."""
        return {pack for path in self.unreadable if is_manifest(path) for pack in packs_of(pack_of(path))}


def look(directory: StudyDirectory, live: bool) -> State:
    """Read the configuration, the manifests and all parts."""
    state = State(directory, live)
    store = directory.store
    try:
        state.config = directory.config()
    except Damaged as error:
        state.unreadable[CONFIG] = error

    def read(names: Iterable[str], decode: Callable[[bytes, str], _Read]) -> Iterator[tuple[str, _Read]]:
        def attempt(name: str) -> _Read | Exception:
            try:
                return decode(store.get(name), name)
            except (ValueError, FileNotFoundError) as error:
                return error

        with ThreadPoolExecutor(_READERS) as pool:
            names = list(names)
            for name, found in zip(names, pool.map(attempt, names), strict=True):
                if not isinstance(found, Exception):
                    yield name, found
                elif not isinstance(found, FileNotFoundError):  # removed since it was listed: nothing wrong
                    state.unreadable[name] = found

    # What goes into a block between the two looks is read in both places, which is the same.
    manifests = [one for _, found in read(listed(store, PACKS, MANIFEST_SUFFIX), decode_manifests) for one in found]
    state.manifests = {one["pack"]: one for one in sorted(manifests, key=lambda one: one["pack"])}
    trials: dict[str, pa.Table] = {}
    for path, table in read(listed(store, parts_folder("trials"), PART_SUFFIX), decode_table):
        state.tables.append(table)
        trials |= _apart(state, path, table)
    state.trials = dict(sorted(trials.items()))
    for path, (mark, packs) in read(listed(store, parts_folder("curves"), PART_SUFFIX), _mark_of_whole):
        if is_block(pack_of(path)):
            own = [part_path("curves", pack, part_of(path)[1]) for pack in packs]
            state.curves |= dict.fromkeys(own, mark)
            state.blocks |= dict.fromkeys(own, path)
        else:
            state.curves[path] = mark
    return state


def _apart(state: State, path: str, table: pa.Table) -> dict[str, pa.Table]:
    """The rows of each pack of a block, by the path of a part of its own; a part as it is."""
    if not is_block(pack_of(path)):
        return {path: table}
    found: dict[str, pa.Table] = {}
    packs, start = table["pack"].to_pylist(), 0
    for pack, run in groupby(packs):
        own, number = part_path("trials", pack, part_of(path)[1]), len(list(run))
        rows = table.slice(start, number).replace_schema_metadata(None)
        found[own] = pa.concat_tables([found[own], rows]) if own in found else rows
        state.blocks[own] = path
        start += number
    return found


def _mark_of_whole(data: bytes, path: str) -> tuple[str, list[str]]:
    """And the packs; raises as decode_table does; the rows are not kept."""
    return mark_of(data), decode_table(data, path)["pack"].unique().to_pylist()
