"""A study that looks for compressions, each lane going on from the warm start's state. Without Ray."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import analysis
from analysis.report.parts import table_part
from study.config.load import StudyConfig
from study.directory.study_directory import StudyDirectory
from study.directory.trial import find_trial
from study.running.retraining import retrain
from tests.study.staged import Driver, little, same_in_any_order, same_when_killed

EPOCHS, BEGIN, TARGETS, ROUNDS, TRIALS = 6, 2, (1.5, 3.0), 3, 12

pytestmark = pytest.mark.usefixtures("single_thread")


def study_of(**changes: Any) -> StudyConfig:
    given = {
        "epochs": EPOCHS,
        "trials": TRIALS,
        "methods": {"group_lasso": {"space": {"lr": [0.01, 0.05], "lambda": [0.01, 1.0]}}},
        "target": {"compressions": list(TARGETS), "rounds": ROUNDS},
        "warm_start": {"epochs": BEGIN, "lr": 0.02},
        "pack": {"size": 4},
        "keep_models": "none",
    }
    return little(**given | changes)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> StudyDirectory:
    return Driver(tmp_path_factory.mktemp("study") / "whole", study_of()).run().directory


def test_all_lanes_fork_from_one_beginning(whole: StudyDirectory) -> None:
    (start,) = whole.segments.manifests()
    assert len(start["trials"]) == 1
    specs = [spec for manifest in whole.manifests() for spec in manifest["trials"]]
    assert len({spec["state"] for spec in specs}) == 1 and {spec["after"] for spec in specs} == {start["pack"]}
    assert [len([spec for spec in specs if spec["bracket"] == one]) for one in (0, 1)] == [6, 6]
    rows = whole.trials().to_pylist()
    assert {row["epochs"] for row in rows} == {EPOCHS}
    assert [row["shared_epochs"] for row in rows] == [0] + [BEGIN] * (TRIALS - 1)


def test_later_rounds_come_nearer(whole: StudyDirectory) -> None:
    specs = {spec["trial"]: spec for manifest in whole.manifests() for spec in manifest["trials"]}
    rows = whole.trials().to_pylist()
    errors = [
        (specs[row["trial"]]["bracket"], row["target"], abs(math.log(row["dense_parameters"] / row["parameters"])))
        for row in rows
    ]
    nearest = {
        (bracket, target): min(
            abs(error - math.log(target)) for own, aim, error in errors if (own, aim) == (bracket, target)
        )
        for bracket, target, _ in errors
    }
    first = {key: next(abs(e - math.log(key[1])) for b, t, e in errors if (b, t) == key) for key in nearest}
    assert sum(nearest.values()) < sum(first.values())


def test_the_table_says_what_was_asked_and_what_was_reached(whole: StudyDirectory) -> None:
    study = analysis.load(whole.path())
    found = analysis.target_table(study.trials).frame
    assert found["asked"].tolist() == list(TARGETS)
    assert found["epochs"].sum() == TRIALS * (EPOCHS - BEGIN) + BEGIN
    assert "compressions asked for" in table_part(study)


def test_the_same_whatever_order_workers_finish_in(whole: StudyDirectory, tmp_path: Path) -> None:
    same_in_any_order(whole, tmp_path / "again", study_of())


@pytest.mark.slow
def test_a_driver_that_is_killed_at_every_write_ends_with_the_same_study(whole: StudyDirectory, tmp_path: Path) -> None:
    same_when_killed(whole, tmp_path / "killed", study_of(), lives=10)


def test_a_lane_is_trained_again_alone(whole: StudyDirectory) -> None:
    assert retrain(study_of(), find_trial(whole, "group_lasso-00005")).differences == {}
