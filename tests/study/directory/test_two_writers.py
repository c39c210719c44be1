"""Two workers that publish one pack, such as one that woke up after its driver was taken over: the first wins whole."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from study.directory import store as writes
from study.directory.encoding import curves_of, decode_table, mark_of
from study.directory.layout import part_path
from study.directory.study_directory import StudyDirectory
from study.doctor.merge import merge
from study.doctor.repair import examine, fix

Grow = Callable[..., Any]

PACK, METHOD = "group_lasso-p0001", "group_lasso"
TRIALS = part_path("trials", PACK, METHOD)
WRITERS = ("a", "b")
BEFORE = ("write", "rename", "put")
STEPS = 6
"""At which a writer can be overtaken; see `Turns`."""


class Turns:
    """Lets two threads take steps in a given order; a step begins before a file is looked for or written."""

    def __init__(self, order: tuple[str, ...]) -> None:
        self._order, self._at, self._over = order, 0, set[str]()
        self._changed = threading.Condition()

    def step(self) -> None:
        name = threading.current_thread().name
        if name not in WRITERS:
            return
        with self._changed:
            self._at += self._at < len(self._order) and self._order[self._at] == name
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._turn(name), 30)

    def over(self) -> None:
        with self._changed:
            self._over.add(threading.current_thread().name)
            self._changed.notify_all()

    def _turn(self, name: str) -> bool:
        while self._at < len(self._order) and self._order[self._at] in self._over:
            self._at += 1
        return self._at >= len(self._order) or self._order[self._at] == name


def orders() -> Iterator[tuple[str, ...]]:
    for places in combinations(range(2 * STEPS), STEPS):
        yield tuple("a" if place in places else "b" for place in range(2 * STEPS))


def publish(place: StudyDirectory, writer: str) -> None:
    manifest = place.manifest(PACK)
    names = {"study": "digits", "method": METHOD, "pack": PACK}
    of_trials = [
        {name: spec[name] for name in ("trial", "number", "lane", "seed", "data_seed")} for spec in manifest["trials"]
    ]
    seconds = 1.0 + WRITERS.index(writer)
    rows = [names | spec | {"status": "COMPLETE", "train_seconds": seconds} for spec in of_trials]
    curves = [names | {"trial": spec["trial"], "epoch": 1, "seconds": seconds} for spec in of_trials]
    place.write_results(PACK, METHOD, rows, curves)


def race(location: str | Path, order: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> set[float]:
    """What is read afterwards: seconds of the trials and of the curves."""
    turns = Turns(order)
    with monkeypatch.context() as patch:
        patch.setattr(
            writes, "HOOKS", [lambda name, path: turns.step() if name in ("write", "rename", "put") else None]
        )

        def write(writer: str) -> None:
            try:
                publish(StudyDirectory(location), writer)
            finally:
                turns.over()

        threads = [threading.Thread(target=write, args=(writer,), name=writer) for writer in WRITERS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    place = StudyDirectory(location)
    rows = [row["train_seconds"] for row in place.rows(PACK, METHOD)]
    drawn = [row["seconds"] for row in place.curves(packs=[PACK]).to_pylist()]
    assert len(rows) == len(drawn) == len(place.manifest(PACK)["trials"])
    return {*rows, *drawn}


def clear(place: StudyDirectory) -> None:
    for name in place.store.names("results", ".parquet"):
        if PACK in name:
            place.store.remove(name)


def test_the_first_wins_whole_in_every_order(grow: Grow, monkeypatch: pytest.MonkeyPatch) -> None:
    study, won = grow(), set()
    for order in list(orders())[::7]:
        clear(study.directory)
        found = race(study.path, order, monkeypatch)
        assert len(found) == 1, order
        won |= found
    assert won == {1.0, 2.0}


@pytest.mark.parametrize("boto3", [True, False], ids=["conditional", "plain"])
def test_on_an_object_store(
    boto3: bool, grow: Grow, bucket: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    location = bucket(f"two-writers-{boto3}")
    study = grow(location)
    if not boto3:
        monkeypatch.setitem(sys.modules, "boto3", None)
    for order in list(orders())[::231]:
        clear(study.directory)
        assert len(race(location, order, monkeypatch)) == 1, order


def die_before_trials(study: Any, writer: str) -> None:
    def die(name: str, path: str) -> None:
        if name == "write" and "trials" in path:
            raise KeyboardInterrupt

    writes.HOOKS.append(die)
    try:
        with pytest.raises(KeyboardInterrupt):
            publish(study.directory, writer)
    finally:
        writes.HOOKS.remove(die)


def test_curves_of_one_that_died_before_its_trials_are_not_taken(grow: Grow) -> None:
    study = grow()
    place: StudyDirectory = study.directory
    die_before_trials(study, "a")
    publish(place, "b")
    assert {row["seconds"] for row in place.curves(packs=[PACK]).to_pylist()} == {2.0}
    first = part_path("curves", PACK, METHOD)
    assert [(f.kind, f.path) for f in examine(place) if PACK in f.path and "curves" in f.path] == [("orphan", first)]
    fix(place)
    assert not place.store.exists(first)
    assert {row["seconds"] for row in place.curves(packs=[PACK]).to_pylist()} == {2.0}


def test_torn_curves_of_the_one_that_came_second_cost_nothing(grow: Grow) -> None:
    study = grow()
    place: StudyDirectory = study.directory
    publish(place, "a")
    rows, mark = place.store.get(TRIALS), curves_of(decode_table(place.store.get(TRIALS), TRIALS))
    publish(place, "b")
    second = next(name for name in place.store.names("results/curves", ".parquet") if "~" in name)
    first = part_path("curves", PACK, METHOD)
    assert mark_of(place.store.get(first)) == mark and mark not in second
    place.store.put(second, b"torn", replace=True)
    fix(place)
    assert place.store.get(TRIALS) == rows and place.store.exists(first) and not place.store.exists(second)


def test_merging_takes_those_that_belong(grow: Grow, tmp_path: Path) -> None:
    study, other = grow(), grow("other", seed=7)
    die_before_trials(study, "a")
    publish(study.directory, "b")
    merged = StudyDirectory(merge([study.directory, other.directory], StudyDirectory(tmp_path / "both")).location)
    seconds = [row["seconds"] for row in merged.curves().to_pylist()]
    assert seconds.count(2.0) == len(study.directory.manifest(PACK)["trials"])
