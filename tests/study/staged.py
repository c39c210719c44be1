"""A study that trains in segments, without Ray: one life of its driver, and ends of it at every write."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from study.config.load import StudyConfig, to_yaml
from study.directory import store
from study.directory.study_directory import StudyDirectory
from study.rehearsal import scales
from study.running.segments import conclude
from study.running.training import Training
from study.search import StagedSearch

Row = dict[str, Any]
TIMES = ("train_seconds", "seconds", "finished_at")


def little(**settings: Any) -> StudyConfig:
    """A study of a small network on a few digits."""
    given = {
        "name": "little",
        "data": {"name": "digits", "limit": 180},
        "model": {"name": "mlp", "widths": [12, 8]},
        "polish": 1,
        "batch_size": 60,
        "checkpoint": {"seconds": None, "epochs": 1},
    }
    return StudyConfig.model_validate(given | settings)


class Driver:
    """One life of a driver: asks, trains, tells, in the order that ``chance`` has workers finish in."""

    def __init__(self, location: Path, config: StudyConfig, workers: int = 2, chance: int = 0) -> None:
        self.directory, self.config = StudyDirectory(location), config
        if not self.directory.exists():
            self.directory.create(to_yaml(config))
        self.search = StagedSearch(config, self.directory, scales(config), workers)
        self.waiting = self.search.rebuild(self.directory.manifests(), [])
        self.workers, self.chance = workers, random.Random(chance)
        self.trained: list[str] = []

    def run(self) -> Driver:
        self._conclude()
        while True:
            while len(self.waiting) < self.workers and (manifest := self.search.ask()):
                self.directory.write_manifest(manifest)
                self.waiting.append(manifest)
            if not self.waiting:
                assert not any(self.search.remaining().values())
                return self
            manifest = self.waiting.pop(self.chance.randrange(len(self.waiting)))
            training = Training(self.config, self.directory, manifest["pack"])
            while not training.done:
                training.advance(60)
            self.trained.append(manifest["pack"])
            self.search.tell(manifest, self.directory.segments.account(manifest["pack"])[0])
            self._conclude()

    def _conclude(self) -> None:
        for _ in conclude(self.directory, self.config.name, self.search):
            pass


def timeless(rows: list[Row]) -> list[Row]:
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def tables(directory: StudyDirectory) -> tuple[list[Row], list[Row]]:
    return timeless(directory.trials().to_pylist()), timeless(directory.curves().to_pylist())


def made(directory: StudyDirectory) -> list[Any]:
    """What was asked of whom, without names of states, which have times in them."""
    manifests = [*directory.manifests(), *directory.segments.manifests()]
    for manifest in manifests:
        for spec in manifest["trials"]:
            spec.pop("state", None)
    return manifests


class Killed(BaseException):
    """As SIGKILL, in tests without processes."""


@contextmanager
def killing() -> Iterator[None]:
    """Ends whoever writes a file that none was ended at before, by turns before it is there and after."""
    seen = set[str]()

    def hook(step: str, path: str) -> None:
        name = Path(path).stem
        if Path(path).parent.name == "lanes":
            name = name.rpartition("-")[0]  # the rest is of the content, with its times
        kind = "write" if len(seen) % 2 else "done"
        if name not in seen and step in (kind, "remove") and not name.startswith("."):
            seen.add(name)
            raise Killed(name)

    store.HOOKS.append(hook)
    try:
        yield
    finally:
        store.HOOKS.remove(hook)


def killed_at_every_write(location: Path, config: StudyConfig) -> tuple[StudyDirectory, list[str], int]:
    """The study at its end, the packs and segments that were trained, and how many drivers were killed on the way."""
    lives, trained = 0, list[str]()
    with killing():
        while True:
            driver = None
            try:
                driver = Driver(location, config, chance=lives)
                driver.run()
                return driver.directory, trained + driver.trained, lives
            except Killed:
                lives += 1
                assert lives < 200
                trained += driver.trained if driver is not None else []


def same_in_any_order(whole: StudyDirectory, location: Path, config: StudyConfig, chance: int = 1) -> None:
    """Whatever order workers finish in, the study is the same."""
    again = Driver(location, config, chance=chance).run().directory
    assert made(again) == made(whole)
    assert tables(again) == tables(whole)


def same_when_killed(whole: StudyDirectory, location: Path, config: StudyConfig, lives: int) -> StudyDirectory:
    """A driver that is killed at every write, more than ``lives`` times, ends with the same study: no segment is lost,
    none is trained twice once its account was written, and the decisions are the same."""
    directory, trained, found = killed_at_every_write(location, config)
    assert found > lives
    assert len(trained) == len(set(trained))
    assert made(directory) == made(whole)
    assert tables(directory) == tables(whole)
    return directory
