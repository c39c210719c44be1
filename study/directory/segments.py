"""Segments of a study that stops lanes early: what is trained from where, what came of it, and the lanes on their way.

A pack's trials train together to the first rung. From there on those that go on are put together anew, in segments with
manifests of their own, and each pack or segment leaves an account of what its lanes came to. The results of a pack are
written, as always, once all of its trials are over.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from study.directory.encoding import Damaged, decode_manifest, decode_mapping, encode_manifest, encode_mapping
from study.directory.layout import (
    ACCOUNTS,
    LANES,
    MANIFEST_SUFFIX,
    NETWORK_SUFFIX,
    SEGMENTS,
    account_path,
    segment_path,
    state_name,
    state_path,
    stem,
    sum_of,
)
from study.directory.store import Store
from study.directory.tables import Manifest

Row = Mapping[str, Any]

_DIGEST = 16
_BYTES = "base64"


class Segments:
    """Those of one study.

    Every file is written once and atomically. Of several writers of an account the first one's stays, and with it the
    states that it names.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    # -- manifests -----------------------------------------------------------------------------------------------

    def write_manifest(self, manifest: Manifest) -> None:
        """What a segment is to train, before it starts."""
        self._store.put(segment_path(manifest["pack"]), encode_manifest(manifest))

    def manifest(self, name: str) -> Manifest:
        path = segment_path(name)
        try:
            return decode_manifest(self._store.get(path), path)
        except Damaged as error:
            raise type(error)(f"{self._store.place(path)} is damaged: {error}") from error

    def manifests(self) -> list[Manifest]:
        """All, in the order of their names."""
        return [self.manifest(stem(path)) for path in self._store.names(SEGMENTS, MANIFEST_SUFFIX)]

    # -- what came of them ---------------------------------------------------------------------------------------

    def write_account(self, name: str, rows: Sequence[Row], curves: Sequence[Row]) -> None:
        """What the lanes of a pack or segment came to: with it it is over.

        Args:
            rows: one for each lane, as `trainables.training.Pack` makes them; ``state`` is the name of the lane's
                state, where it may go on.
            curves: those of the lanes, from their first epoch on.
        """
        content = {"rows": [_plain(row) for row in rows], "curves": [_plain(row) for row in curves]}
        self._store.put(account_path(name), encode_mapping(content))

    def account(self, name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Rows and curves, as they were given to `write_account`."""
        path = account_path(name)
        try:
            found = decode_mapping(self._store.get(path))
        except Damaged as error:
            raise type(error)(f"{self._store.place(path)} is damaged: {error}") from error
        return [_given(row) for row in found["rows"]], [_given(row) for row in found["curves"]]

    def over(self) -> set[str]:
        """The packs and segments that have an account."""
        return {stem(path) for path in self._store.names(ACCOUNTS, MANIFEST_SUFFIX)}

    # -- lanes on their way ----------------------------------------------------------------------------------------

    def write_state(self, trial: str, epoch: int, data: bytes) -> str:
        """A lane's state; returns its name, which has the checksum of its content in it."""
        name = state_name(trial, epoch, _digest(data))
        self._store.put(state_path(name), data)
        return name

    def state(self, name: str) -> bytes:
        """
        Raises:
            Damaged: it is not what its name says.
        """
        data = self._store.get(state_path(name))
        if _digest(data) != sum_of(name):
            raise Damaged(f"{self._store.place(state_path(name))} is damaged: its checksum is wrong")
        return data

    def states(self) -> list[str]:
        """The names of all that are there."""
        return [stem(path) for path in self._store.names(LANES, NETWORK_SUFFIX)]

    def remove_states(self, names: Iterable[str]) -> None:
        for name in names:
            self._store.remove(state_path(name))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[: 2 * _DIGEST]


def _plain(row: Row) -> dict[str, Any]:
    """As JSON has it, bytes as text."""
    return {name: {_BYTES: _text(value)} if isinstance(value, bytes) else value for name, value in row.items()}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _given(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: base64.b64decode(value[_BYTES]) if isinstance(value, dict) and _BYTES in value else value
        for name, value in row.items()
    }
