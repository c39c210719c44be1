"""Puts the files of finished packs together in blocks while a study runs, in a thread of its own.

It can be left for later at any time: what was not put together stays as it is, and the next run goes on with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from study.directory import Blocks, Damaged, StudyDirectory, blocks_of, packs_of


class Gathering:
    """Told of finished packs; a context manager, inside of the study's lock.

    Args:
        warn: told once if files cannot be put together; the rest of the run leaves them alone.
    """

    def __init__(self, directory: StudyDirectory, warn: Callable[[str], None]) -> None:
        self._blocks, self._warn = Blocks(directory.store), warn
        self._finished = Counter[str]()
        """Packs of each block that is not full yet."""
        self._thread = ThreadPoolExecutor(1, "gathering")
        self._given_up = False

    def __enter__(self) -> Gathering:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close(wait=False)

    def found_on_disk(self, finished: Mapping[str, str]) -> None:
        """Start from these packs, with the method of each, and do what an earlier run has left."""
        self._finished = Counter(block for pack in finished for block in blocks_of(pack))
        self._thread.submit(self._catch_up, dict(finished))

    def finished(self, pack: str, method: str) -> None:
        for block in reversed(blocks_of(pack)):
            self._finished[block] += 1
            if self._finished[block] == len(packs_of(block)):
                self._thread.submit(self._make, block, method)

    def close(self, wait: bool = True) -> None:
        """Put together what is waiting, or leave it to the next run."""
        self._thread.shutdown(cancel_futures=not wait)

    def _catch_up(self, finished: Mapping[str, str]) -> None:
        try:
            self._blocks.tidy()
            blocks = self._blocks.due(finished)
        except OSError as error:
            self._give_up(error)
            return
        for block in blocks:
            self._make(block, finished[packs_of(block)[0]])

    def _make(self, block: str, method: str) -> None:
        if self._given_up:
            return
        try:
            self._blocks.make(block, method)
        except (OSError, Damaged) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._given_up = True
        self._warn(f"finished packs keep files of their own: {type(error).__name__}: {error}")
