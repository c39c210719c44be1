"""Blocks: the manifests and parts of many finished packs in one file each, so that a study of 100,000 trials has few.

A block is written once, its name and what is in it decided by its packs. From the moment it is there it counts and the
files of its packs do not, which are removed after it: whoever stops in between leaves nothing wrong, only files that
nobody reads, and doing it again completes it. The same holds the other way round for a block that is taken apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pyarrow as pa
import pyarrow.compute as pc

from study.directory.encoding import (
    SCHEMAS,
    curves_of,
    decode_manifests,
    decode_table,
    encode_block,
    encode_manifest,
    encode_manifests,
    encode_table,
    mark_of,
    with_curves,
)
from study.directory.layout import (
    KINDS,
    MANIFEST_SUFFIX,
    PACKS,
    PART_SUFFIX,
    Kind,
    belonging,
    blocks_of,
    counting,
    is_block,
    manifest_path,
    pack_of,
    packs_of,
    part_path,
    parts_folder,
)
from study.directory.store import Store
from study.directory.tables import concatenate


def listed(store: Store, folder: str, suffix: str) -> list[str]:
    """The files of a folder that count, sorted: those of blocks, and those of packs that are in none.

    A listing takes time, in which a pack may go into a block: seen neither here, because it was removed, nor there,
    because the block is new. So two listings in turn have to agree on the blocks; and what is in one of them was there.
    """
    before, found = store.names(folder, suffix), store.names(folder, suffix)
    while {path for path in before if is_block(pack_of(path))} != {path for path in found if is_block(pack_of(path))}:
        before, found = found, store.names(folder, suffix)
    return counting(sorted({*before, *found}))


class Blocks:
    """Puts the files of a study's packs together and takes them apart; only for who holds its lock."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def due(self, finished: Collection[str]) -> list[str]:
        """The blocks that can be made, small ones first.

        Args:
            finished: packs.
        """
        folders = [(parts_folder(kind), PART_SUFFIX) for kind in KINDS]
        loose = {
            pack_of(path)
            for folder, suffix in (*folders, (PACKS, MANIFEST_SUFFIX))
            for path in self._store.names(folder, suffix)
        }
        blocks = {block for name in loose for block in blocks_of(name)}
        found = set(finished)
        return sorted((b for b in blocks if found.issuperset(packs_of(b))), key=lambda b: (len(packs_of(b)), b))

    def make(self, block: str, method: str) -> None:
        """Put the packs of a block together; their trials come last, which decide what is finished.

        Raises:
            FileNotFoundError: a pack of it is not finished.
            Damaged: a file of it is not what was written.
            OSError: the directory cannot be read or written.
        """
        names = packs_of(block)
        curves = self._files(part_path("curves", block, method))
        trials = self._files(part_path("trials", block, method))
        manifests = self._files(manifest_path(block))
        if not self._store.exists(part_path("trials", block, method)):
            tables = [decode_table(self._store.get(path), path) for path in counting(trials)]
            missing = set(names) - {str(pack) for table in tables for pack in table["pack"].unique().to_pylist()}
            if missing:
                raise FileNotFoundError(f"{min(missing)} is not finished")
            mark = self._make_curves(part_path("curves", block, method), tables, curves)
            self._make_manifests(block, manifests)
            rows = with_curves(_in_order(tables, "trials", names), mark)
            self._store.put(part_path("trials", block, method), encode_block(rows, "trials"))
        for path in (*trials, *curves, *manifests):
            self._store.remove(path)

    def _make_curves(self, path: str, trials: Iterable[pa.Table], curves: Collection[str]) -> str:
        """The curves that the trials name."""
        if not self._store.exists(path):
            kept = set(counting(curves))
            for table in trials:
                packs = table["pack"].unique().to_pylist()
                if len(packs) == 1:  # of a block all belong
                    plain = part_path("curves", packs[0], str(table["method"][0]))
                    kept -= {name for name in curves if pack_of(name) == packs[0]}
                    kept |= {belonging(curves, plain, curves_of(table))} & set(curves)
            tables = [decode_table(self._store.get(name), name) for name in sorted(kept)]
            self._store.put(path, encode_block(_in_order(tables, "curves", packs_of(pack_of(path))), "curves"))
        return mark_of(self._store.get(path))

    def _make_manifests(self, block: str, paths: Iterable[str]) -> None:
        if not self._store.exists(manifest_path(block)):
            found = {
                manifest["pack"]: manifest
                for path in counting(paths)
                for manifest in decode_manifests(self._store.get(path), path)
            }
            if missing := set(packs_of(block)) - set(found):
                raise FileNotFoundError(f"{min(missing)} has no manifest")
            self._store.put(manifest_path(block), encode_manifests([found[pack] for pack in packs_of(block)]))

    def _files(self, path: str) -> list[str]:
        """What is there of the packs of a block, beside the block itself."""
        folder, block, suffix = path.rpartition("/")[0], pack_of(path), path[path.rindex(".") :]
        inside = {*packs_of(block)}
        found = self._store.names(folder, suffix)
        return [name for name in found if name != path and inside.issuperset(packs_of(pack_of(name)))]

    def take_apart(self, pack: str, method: str) -> None:
        """Give the packs of the block that a pack is in files of their own again, so that one of them can change."""
        for block in blocks_of(pack):
            paths: dict[Kind, str] = {kind: part_path(kind, block, method) for kind in KINDS}
            there = {kind: path for kind, path in paths.items() if self._store.exists(path)}
            tables = {kind: decode_table(self._store.get(path), path) for kind, path in there.items()}
            marks: dict[str, str] = {}
            for own in packs_of(block) if "curves" in tables else ():
                data = encode_table(_of(tables["curves"], own), "curves")
                marks[own] = mark_of(data)
                self._store.put(part_path("curves", own, method), data, replace=True)
            if self._store.exists(manifest_path(block)):
                data = self._store.get(manifest_path(block))
                for manifest in decode_manifests(data, manifest_path(block)):
                    self._store.put(manifest_path(manifest["pack"]), encode_manifest(manifest))
            for own in packs_of(block) if "trials" in tables else ():
                rows = _of(tables["trials"], own)
                rows = with_curves(rows, marks[own]) if own in marks else rows
                self._store.put(part_path("trials", own, method), encode_table(rows, "trials"), replace=True)
            for path in (*(there[kind] for kind in reversed(KINDS) if kind in there), manifest_path(block)):
                self._store.remove(path)

    def tidy(self) -> None:
        """Remove what is left of packs that are in blocks, and of blocks that are in larger ones."""
        folders = [(parts_folder(kind), PART_SUFFIX) for kind in reversed(KINDS)]
        for folder, suffix in (*folders, (PACKS, MANIFEST_SUFFIX)):
            found = self._store.names(folder, suffix)
            for path in sorted(set(found) - set(counting(found))):
                self._store.remove(path)


def _in_order(tables: Iterable[pa.Table], kind: Kind, packs: list[str]) -> pa.Table:
    """One table; the rows of a pack stay in their order."""
    whole = concatenate(tables, SCHEMAS[kind])
    places = pc.index_in(whole["pack"], pa.array(packs))
    order = pc.sort_indices(
        pa.table({"pack": places, "row": pa.array(range(whole.num_rows))}),
        [
            ("pack", "ascending"),
            ("row", "ascending"),
        ],
    )
    return whole.take(order)


def _of(table: pa.Table, pack: str) -> pa.Table:
    return table.filter(pc.equal(table["pack"], pack))
