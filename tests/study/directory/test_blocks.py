"""Finished packs are put together in blocks: nobody reads a row twice or misses one, whoever dies at whatever step."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from study.config import to_yaml
from study.directory import store as writes
from study.directory.blocks import Blocks, listed
from study.directory.layout import (
    MANIFEST_SUFFIX,
    PACKS,
    PART_SUFFIX,
    blocks_of,
    counting,
    is_block,
    manifest_path,
    packs_of,
    part_path,
    parts_folder,
)
from study.directory.study_directory import StudyDirectory
from study.doctor.repair import examine, fix, recover
from study.search import Search
from tests.study.conftest import configuration, trained

METHOD = "group_lasso"
PACKS_MADE, FINISHED = 7, 6
"""In blocks of 2 and of 4: a large one, a small one, and a pack that waits."""


class Killed(BaseException):
    pass


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.directory.layout.BLOCKS", (2, 4))


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyDirectory:
    """A study of packs that are in no block yet."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    name = re.sub(r"\W+", "-", request.node.name)
    return filled(request.getfixturevalue("bucket")(name) if request.param == "s3" else tmp_path / name)


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyDirectory:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return filled(tmp_path / "local")


def filled(location: str | Path) -> StudyDirectory:
    directory = StudyDirectory(location)
    config = configuration(methods=[METHOD], trials=14, pack={"size": 2})
    directory.create(to_yaml(config))
    search = Search(config, directory, {METHOD: 2})
    for index in range(PACKS_MADE):
        manifest = search.ask()
        assert manifest is not None
        directory.write_manifest(manifest)
        rows = trained(config.name, manifest)
        names = ("study", "method", "trial", "pack")
        if index < FINISHED:
            curves = [{name: row[name] for name in names} | {"epoch": epoch} for row in rows for epoch in range(1)]
            directory.write_results(manifest["pack"], METHOD, rows, curves)
        search.tell(manifest, rows)
    return directory


def seen(directory: StudyDirectory) -> tuple[Any, ...]:
    """All that readers of the whole study get."""
    return (
        directory.trials().to_pylist(),
        directory.curves().to_pylist(),
        directory.manifests(),
        directory.finished(),
    )


def gather(directory: StudyDirectory) -> None:
    """What a driver does as it starts."""
    blocks = Blocks(directory.store)
    blocks.tidy()
    for block in blocks.due(directory.finished()):
        blocks.make(block, METHOD)


def files(directory: StudyDirectory) -> dict[str, list[str]]:
    folders = {PACKS: MANIFEST_SUFFIX, parts_folder("trials"): PART_SUFFIX, parts_folder("curves"): PART_SUFFIX}
    return {folder: directory.store.names(folder, suffix) for folder, suffix in folders.items()}


class Steps:
    """Calls ``at`` before each step of writing and removing, with its number."""

    def __init__(self, at: Callable[[int], None]) -> None:
        self.at, self.number, self.busy = at, 0, False

    def __call__(self, step: str, path: str) -> None:
        if not self.busy:
            self.busy = True
            try:
                self.at(self.number)
            finally:
                self.busy = False
            self.number += 1

    def __enter__(self) -> Steps:
        writes.HOOKS.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        writes.HOOKS.remove(self)


def test_a_block_is_named_after_its_packs() -> None:
    assert blocks_of("a-p0005") == ["a-p0004-0007", "a-p0004-0005"]
    assert blocks_of("a-p0004-0005") == ["a-p0004-0007"] and blocks_of("a-p0004-0007") == []
    assert (
        packs_of("a-s1-p0004-0005") == ["a-s1-p0004", "a-s1-p0005"] and blocks_of("a-s1-p0009")[0] == "a-s1-p0008-0011"
    )
    assert packs_of("a-p0004-0005") == ["a-p0004", "a-p0005"] and packs_of("a-p0004") == ["a-p0004"]
    assert is_block("a-p0004-0005") and not is_block("x-p0000-p0001"), "a method may be called x-p0000"
    paths = [manifest_path(name) for name in ("a-p0000", "a-p0004", "a-p0004-0005", "a-p0008-0009", "a-p0008-0011")]
    assert counting(paths) == [manifest_path(name) for name in ("a-p0000", "a-p0004-0005", "a-p0008-0011")]


def test_readers_see_the_same_before_during_and_after(place: StudyDirectory) -> None:
    before = seen(place)
    assert [len(found) for found in before] == [12, 12, 7, 6]

    def look(step: int) -> None:
        if place.local is not None or step % 5 == 0:
            assert seen(place) == before

    with Steps(look) as steps:
        gather(place)
    assert steps.number > 20
    assert seen(place) == before
    waits = ["group_lasso-p0006"]
    whole = [f"{METHOD}-p0000-0003", f"{METHOD}-p0004-0005"]
    left = files(place)
    assert left[PACKS] == [manifest_path(name) for name in whole + waits]
    assert left[parts_folder("trials")] == [part_path("trials", name, METHOD) for name in whole]
    assert left[parts_folder("curves")] == [part_path("curves", name, METHOD) for name in whole]
    again = files(place)
    gather(place)
    assert files(place) == again, "doing it twice changes nothing"
    for manifest in before[2]:
        pack = manifest["pack"]
        assert place.manifest(pack) == manifest
        if pack in before[3]:
            assert place.rows(pack, METHOD) == [row for row in before[0] if row["pack"] == pack]
            assert place.curves([pack]).to_pylist() == [row for row in before[1] if row["pack"] == pack]
    assert place.manifests(without=before[3]) == before[2][-1:]
    assert [(finding.kind, finding.path) for finding in examine(place)] == [("zombie", "packs/group_lasso-p0006.json")]


def dying(place: StudyDirectory, action: Callable[[], None]) -> Iterator[int]:
    """Yields after the action was killed at its first, second ... step, until it comes to its end.

    Each time it goes on from where it was killed; on a server, which is slow, a few steps further on.
    """
    for kill in range(0, 1000, 1 if place.local is not None else 4):

        def die(step: int, at: int = kill) -> None:
            if step == at:
                raise Killed

        with Steps(die):
            try:
                action()
                return
            except Killed:
                pass
        yield kill


def test_a_driver_that_dies_at_any_step_loses_nothing(place: StudyDirectory) -> None:
    before = seen(place)
    deaths = 0
    for _ in dying(place, lambda: gather(place)):
        deaths += 1
        assert seen(place) == before
        assert {finding.kind for finding in examine(place)} <= {"zombie", "leftover"}
    assert deaths > 4 and seen(place) == before
    assert len(files(place)[PACKS]) == 3


def test_a_block_is_taken_apart_again(place: StudyDirectory) -> None:
    before, apart = seen(place), {path: place.store.get(path) for paths in files(place).values() for path in paths}
    gather(place)
    for _ in dying(place, lambda: Blocks(place.store).take_apart(f"{METHOD}-p0001", METHOD)):
        assert seen(place) == before
        assert {finding.kind for finding in examine(place)} <= {"zombie", "leftover"}
    assert seen(place) == before
    (trials,) = (path for path in files(place)[parts_folder("trials")] if path.endswith("p0001.parquet"))
    assert trials in apart
    gather(place)
    assert seen(place) == before


def test_a_writer_that_comes_too_late_is_not_read(place: StudyDirectory) -> None:
    before = seen(place)
    gather(place)
    pack = f"{METHOD}-p0001"
    rows = [row | {"train_seconds": 99.0} for row in place.rows(pack, METHOD)]
    place.write_results(pack, METHOD, rows, [])
    assert seen(place) == before
    assert {finding.kind for finding in examine(place)} == {"zombie", "leftover"}
    fix(place)
    assert seen(place) == before and part_path("trials", pack, METHOD) not in files(place)[parts_folder("trials")]


@pytest.mark.parametrize("folder", ["trials", "curves", PACKS])
def test_a_damaged_block_costs_its_packs_only(local: StudyDirectory, folder: Any) -> None:
    before = seen(local)
    gather(local)
    block = f"{METHOD}-p0000-0003"
    path = manifest_path(block) if folder == PACKS else part_path(folder, block, METHOD)
    data = bytearray(local.store.get(path))
    data[len(data) // 2] ^= 1
    Path(local.path(path)).write_bytes(data)
    assert path in {finding.path for finding in examine(local) if finding.kind in ("checksum", "torn")}
    recover(local)
    lost = set(packs_of(block))
    finished = before[3] if folder == PACKS else before[3] - lost
    assert local.finished() == finished
    assert local.trials().to_pylist() == [row for row in before[0] if row["pack"] in finished]
    assert len(local.manifests()) == 7, "made from the rows where it was the manifests"


def test_reading_while_packs_go_into_blocks(local: StudyDirectory) -> None:
    before, over = seen(local), threading.Event()

    def to_and_fro() -> None:
        try:
            for _ in range(3):
                gather(local)
                for pack in (f"{METHOD}-p0000", f"{METHOD}-p0004"):
                    Blocks(local.store).take_apart(pack, METHOD)
        finally:
            over.set()

    worker = threading.Thread(target=to_and_fro)
    worker.start()
    looks = 0
    while not over.is_set():
        assert seen(local) == before
        looks += 1
    worker.join()
    assert looks and seen(local) == before


def test_a_listing_that_was_overtaken_is_repeated(local: StudyDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has missed packs because they went away, and their block because that was not there yet."""
    store, folder = local.store, parts_folder("trials")
    whole, names = store.names(folder, PART_SUFFIX), store.names
    Blocks(StudyDirectory(local.location).store).make(f"{METHOD}-p0000-0001", METHOD)
    answers = iter([whole[2:]])
    monkeypatch.setattr(store, "names", lambda folder, suffix: next(answers, None) or names(folder, suffix))
    found = listed(store, folder, PART_SUFFIX)
    assert [pack for path in found for pack in packs_of(Path(path).stem)] == [Path(path).stem for path in whole]
