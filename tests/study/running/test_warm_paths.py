"""Paths that go on from a beginning which all of a method have in common. Without Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from study.cli.plan import shared
from study.config.load import StudyConfig
from study.directory.study_directory import StudyDirectory
from study.directory.trial import find_trial
from study.running.retraining import retrain
from tests.study.staged import Driver, little, same_in_any_order, same_when_killed, tables

EPOCHS, POLISH, BEGIN, EVERY, POINTS, TRIALS = 6, 1, 2, 2, 3, 12

pytestmark = pytest.mark.usefixtures("single_thread")


def study_of(**changes: Any) -> StudyConfig:
    given = {
        "epochs": EPOCHS,
        "trials": TRIALS,
        "methods": {"group_lasso": {"space": {"lambda": [0.01, 0.16]}}},
        "pack": {"size": 2},
        "path": {"lambda": POINTS, "epochs": EVERY},
        "warm_start": {"epochs": BEGIN, "lr": 0.02},
        "keep_models": "none",
    }
    return little(**given | changes)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> StudyDirectory:
    return Driver(tmp_path_factory.mktemp("study") / "whole", study_of()).run().directory


def test_packs_hold_whole_paths_from_one_beginning(whole: StudyDirectory) -> None:
    (start,) = whole.segments.manifests()
    packs = whole.manifests()
    assert [len(pack["trials"]) for pack in packs] == [2 * POINTS, 2 * POINTS]
    specs = [spec for pack in packs for spec in pack["trials"]]
    assert {spec["after"] for spec in specs} == {start["pack"]} and len({spec["state"] for spec in specs}) == 1
    assert len({spec["seed"] for spec in specs}) == 1
    assert len({spec["parameters"]["lr"] for spec in specs}) == TRIALS // POINTS


def test_epochs_that_paths_have_in_common_count_once(whole: StudyDirectory) -> None:
    rows, curves = tables(whole)
    first = EPOCHS - POLISH
    assert [row["epochs"] for row in rows] == [6, 8, 10] * 4
    assert [row["shared_epochs"] for row in rows] == [0, first, first + EVERY] + [BEGIN, first, first + EVERY] * 3
    spent = sum(row["epochs"] - row["shared_epochs"] for row in rows)
    assert spent == study_of().epochs_to_train("group_lasso") == 4 * (first + 2 * EVERY + 3 * POLISH) - 3 * BEGIN
    for row in rows:
        assert [one["epoch"] for one in curves if one["trial"] == row["trial"]] == list(range(1, row["epochs"] + 1))
    assert {row["status"] for row in rows} == {"COMPLETE"}
    assert "the first 2 epochs of all paths" in shared(study_of())


@pytest.mark.parametrize("trial", ["group_lasso-00001", "group_lasso-00005"])
def test_a_point_is_what_it_is_when_it_trains_all_of_its_way_alone(whole: StudyDirectory, trial: str) -> None:
    assert retrain(study_of(), find_trial(whole, trial)).differences == {}


def test_the_same_whatever_order_workers_finish_in(whole: StudyDirectory, tmp_path: Path) -> None:
    same_in_any_order(whole, tmp_path / "again", study_of())


@pytest.mark.slow
def test_a_driver_that_is_killed_at_every_write_ends_with_the_same_study(whole: StudyDirectory, tmp_path: Path) -> None:
    same_when_killed(whole, tmp_path / "killed", study_of(), lives=6)
