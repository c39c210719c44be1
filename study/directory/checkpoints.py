"""Checkpoints of packs in training, in the study directory.

Workers write them, so that a pack goes on from its newest one whatever ended its last worker, on any machine that
can read the directory. Each is an ordinary file of `torch.save`, tensors and plain values only.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from typing import Any

from study.directory.checksum import seal_archive, unseal_archive
from study.directory.layout import CHECKPOINT_SUFFIX, CHECKPOINTS, checkpoint_path, epochs_of, pack_of
from study.directory.store import Store
from trainables.errors import StudyError

_KEPT = 2
"""The newest, and the one before in case the newest turns out to be torn."""

_COST = 0.02
"""Share of the time that checkpoints may take; slow ones are written less often than every ``seconds``."""


class Checkpoints:
    """Those of one pack.

    Args:
        store: of the study directory.
        pack: the pack's name.
        seconds: how long to train between two of them; None for no such rule.
        epochs: how many epochs to train between two of them; None for no such rule.
        clock: seconds from anywhere; another one in tests.
    """

    def __init__(
        self,
        store: Store,
        pack: str,
        seconds: float | None = None,
        epochs: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._pack = store, pack
        self._seconds, self._epochs, self._clock = seconds, epochs, clock
        self._saved, self._saved_at, self._took = 0, clock(), 0.0
        self.damaged: list[str] = []
        """Where the files lie that `newest` had to set aside."""

    @property
    def saved(self) -> int:
        """Epochs of the pack at the last one that was read or written; 0 before."""
        return self._saved

    def due(self, epochs: int) -> bool:
        """Whether to write one now, after this many epochs of the pack."""
        if epochs == self._saved:
            return False
        if self._epochs is not None and epochs - self._saved >= self._epochs:
            return True
        if self._seconds is None:
            return False
        return self._clock() - self._saved_at >= max(self._seconds, self._took / _COST)

    def save(self, epochs: int, state: dict[str, Any]) -> None:
        """Write one, durably, then remove all but the newest two.

        Raises:
            OSError: the directory cannot be written.
        """
        import torch

        if epochs == self._saved:
            return
        started = self._clock()
        buffer = io.BytesIO()
        torch.save(state, buffer)
        self._store.put(checkpoint_path(self._pack, epochs), seal_archive(buffer.getvalue()), replace=True)
        for old in self._names()[:-_KEPT]:
            self._store.remove(old)
        self._saved, self._saved_at = epochs, self._clock()
        self._took = self._saved_at - started

    def newest(self, device: Any = "cpu") -> dict[str, Any] | None:
        """The state after the most epochs, None if there is none; a damaged one is renamed to `.corrupt`."""
        for name in reversed(self._names()):
            try:
                state = decode_checkpoint(self._store.get(name), device)
            except DamagedCheckpoint as error:
                self.damaged.append(f"{self._store.place(self._store.quarantine(name))}: {error}")
                continue
            self._saved, self._saved_at = epochs_of(name), self._clock()
            return state
        return None

    def epochs(self) -> int:
        """Of the pack at the newest one that is there; 0 where there is none."""
        return max(map(epochs_of, self._names()), default=0)

    def clear(self) -> None:
        """Remove all: the pack has its results."""
        for name in self._names():
            self._store.remove(name)

    def _names(self) -> list[str]:
        return [name for name in self._store.names(CHECKPOINTS, CHECKPOINT_SUFFIX) if pack_of(name) == self._pack]


class DamagedCheckpoint(StudyError):
    """A file that is torn, or no checkpoint."""


def decode_checkpoint(data: bytes, device: Any = "cpu") -> dict[str, Any]:
    """The state in a checkpoint file. Checksums are verified, which `torch.load` leaves out; nothing is unpickled.

    Raises:
        DamagedCheckpoint: it is torn, or no checkpoint.
    """
    import torch

    whole = unseal_archive(data)
    if whole is None:
        raise DamagedCheckpoint("its checksum is wrong")
    data = whole
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            # torch compresses nothing: what says that it holds more than it does is a bomb.
            bomb = sum(entry.file_size for entry in archive.infolist()) > len(data)
            torn = "an entry that is larger than the file" if bomb else archive.testzip()
        state = None if torn else torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # whatever the bytes make the two readers stumble over
        raise DamagedCheckpoint(f"{type(error).__name__}: {error}") from error
    if torn or not isinstance(state, dict):
        raise DamagedCheckpoint(f"the checksum of {torn} is wrong" if torn else "it holds no mapping")
    return state
