"""Paths that are stopped at their points, without Ray: the points that they have come to stay, the others are rows."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import analysis
from study.api.results import status
from study.cli.plan import shared
from study.config.load import StudyConfig
from study.directory.study_directory import StudyDirectory
from study.directory.trial import find_trial
from study.running.monitor import Monitor
from study.running.retraining import retrain
from study.search.outcome import displayed, outcome
from tests.study.staged import Driver, little, same_in_any_order, same_when_killed, tables
from trainables.errors import StudyError

EPOCHS, POLISH, EVERY, POINTS, TRIALS = 4, 1, 1, 4, 30
FIRST = EPOCHS - POLISH
RUNGS = (FIRST, FIRST + EVERY)

pytestmark = pytest.mark.usefixtures("single_thread")


def study_of(**changes: Any) -> StudyConfig:
    given = {
        "epochs": EPOCHS,
        "trials": TRIALS,
        "methods": {"group_lasso": {"space": {"lambda": [0.02, 0.3]}}},
        "pack": {"size": 3},
        "path": {"lambda": POINTS, "epochs": EVERY},
        "sampler": "random",
        "objectives": ["accuracy", "loss"],  # no two are alike from the first epoch on
        "stopping": {"keep": 0.5, "least": 2},
        "keep_models": "none",
    }
    return little(**given | changes)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> StudyDirectory:
    return Driver(tmp_path_factory.mktemp("study") / "whole", study_of()).run().directory


def paths(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    return [rows[start : start + POINTS] for start in range(0, len(rows), POINTS)]


def test_points_that_a_path_came_to_stay_and_the_others_are_stopped(whole: StudyDirectory) -> None:
    rows, curves = tables(whole)
    assert [row["number"] for row in rows] == list(range(TRIALS))
    ends = []
    for path in paths(rows):
        came = [row for row in path if row["status"] == "COMPLETE"]
        ends.append(len(came))
        assert path[: len(came)] == came
        for index, row in enumerate(came):
            assert row["epochs"] == FIRST + index * EVERY + POLISH
            assert row["shared_epochs"] == (FIRST + (index - 1) * EVERY if index else 0)
        for row in path[len(came) :]:
            at = FIRST + (len(came) - 1) * EVERY
            assert (row["status"], row["epochs"], row["shared_epochs"]) == ("STOPPED", at, at)
            assert row["val_accuracy"] is None and row["neurons"] is None
            assert row["reason"] == "its path was stopped before it"
    assert set(ends) == {1, 2, POINTS}
    for row in rows:
        own = [entry["epoch"] for entry in curves if entry["trial"] == row["trial"]]
        assert own == (list(range(1, row["epochs"] + 1)) if row["status"] == "COMPLETE" else [])
    assert whole.segments.states() == [], "nothing goes on from any path"


def test_half_of_the_paths_go_on_and_fill_segments(whole: StudyDirectory) -> None:
    rows, segments = tables(whole)[0], whole.segments.manifests()
    for start, end in zip(RUNGS, (RUNGS[1], None), strict=True):
        own = [manifest for manifest in segments if manifest["start"] == start]
        widths = [len({spec["number"] // POINTS for spec in manifest["trials"]}) for manifest in own]
        assert set(widths[:-1]) <= {3} and widths[-1] <= 3, "paths, not points, are counted"
        assert {manifest.get("until") for manifest in own} == {end}
        went_on = [path for path in paths(rows) if path[-1]["status"] == "COMPLETE" or path[-1]["epochs"] > start]
        assert sum(widths) == sum(len(path) > 1 + RUNGS.index(start) for path in went_on)
    for manifest in segments:
        assert {spec["pack"] for spec in manifest["trials"]} <= {one["pack"] for one in whole.manifests()}


def test_points_are_those_of_a_study_that_stops_none(whole: StudyDirectory, tmp_path: Path) -> None:
    """Whoever a path goes on with."""
    through = Driver(tmp_path / "through", study_of(stopping={"keep": 1.0})).run().directory
    expected = {row["trial"]: row for row in tables(through)[0]}
    assert {row["status"] for row in expected.values()} == {"COMPLETE"}
    reached = [row for row in tables(whole)[0] if row["status"] == "COMPLETE"]
    for row in reached:
        other = expected[row["trial"]]
        assert [row[name] for name in ("epochs", "shared_epochs", "neurons", "param_lambda", "param_lr")] == [
            other[name] for name in ("epochs", "shared_epochs", "neurons", "param_lambda", "param_lr")
        ]
        assert row["val_loss"] == pytest.approx(other["val_loss"], rel=1e-3)


def test_a_point_is_what_it_is_when_it_trains_all_of_its_way_alone(whole: StudyDirectory) -> None:
    rows = tables(whole)[0]
    farthest = next(row for row in reversed(rows) if row["status"] == "COMPLETE" and row["number"] % POINTS == 3)
    assert retrain(study_of(), find_trial(whole, farthest["trial"])).differences == {}
    stopped = next(row for row in rows if row["status"] == "STOPPED")
    with pytest.raises(StudyError, match="was stopped after"):
        retrain(study_of(), find_trial(whole, stopped["trial"]))


def test_epochs_spent_and_saved_are_said(whole: StudyDirectory) -> None:
    rows = tables(whole)[0]
    found, complete = status(whole.path()), [row for row in rows if row["status"] == "COMPLETE"]
    begun = math.ceil(TRIALS / POINTS)
    spent = begun * FIRST + (len(complete) - begun) * EVERY + len(complete) * POLISH
    assert found.epochs == spent < study_of().epochs_to_train("group_lasso")
    never = (TRIALS - len(complete)) * (EVERY + POLISH)
    assert spent + never == study_of().epochs_to_train("group_lasso")
    assert f"at most {study_of().epochs_to_train('group_lasso')} epochs" in shared(study_of())
    assert found.epochs_saved == never + sum(row["shared_epochs"] for row in complete)


def test_what_was_never_trained_has_no_values_anywhere(whole: StudyDirectory) -> None:
    row = next(row for row in tables(whole)[0] if row["status"] == "STOPPED")
    values, shown = outcome(row, study_of().objectives)
    assert values is None and shown["reason"] == "its path was stopped before it"
    assert displayed(row, values)[0].name == "PRUNED"
    trials = analysis.load(whole.path()).trials
    assert not trials["status"].eq("FAILED").any()
    analysis.summary(trials, ("accuracy", "neurons"))
    assert set(analysis.pareto(trials, ("accuracy", "neurons"))["status"]) == {"COMPLETE"}


def test_how_far_a_study_is_counts_points(whole: StudyDirectory) -> None:
    monitor = Monitor(study_of())
    for manifest in (*whole.manifests(), *whole.segments.manifests()):
        monitor.came_to(manifest, len(manifest["trials"]))
    complete = sum(row["status"] == "COMPLETE" for row in tables(whole)[0])
    assert monitor.trials_done("group_lasso") == pytest.approx(complete)


@pytest.mark.parametrize("chance", [1, 2])
def test_the_same_whatever_order_workers_finish_in(chance: int, whole: StudyDirectory, tmp_path: Path) -> None:
    same_in_any_order(whole, tmp_path / "again", study_of(), chance)


@pytest.mark.slow
def test_a_driver_that_is_killed_at_every_write_ends_with_the_same_study(whole: StudyDirectory, tmp_path: Path) -> None:
    directory = same_when_killed(whole, tmp_path / "killed", study_of(), lives=20)
    assert directory.segments.states() == []


def test_paths_from_one_beginning_are_stopped_as_well(tmp_path: Path) -> None:
    config = study_of(trials=16, warm_start={"epochs": 1, "lr": 0.02})
    rows = tables(Driver(tmp_path / "study", config).run().directory)[0]
    assert {row["status"] for row in rows} == {"COMPLETE", "STOPPED"}
    assert [path[0]["shared_epochs"] for path in paths(rows)] == [0, 1, 1, 1]


@pytest.mark.parametrize(
    ("points", "rungs", "found"),
    [
        (8, "auto", (51, 63)),
        (2, "auto", (45,)),
        (8, [10, 30], (45,)),
        (8, [46, 57, 80], (51, 57, 81)),
        (8, [60, 86], (63,)),
    ],
)
def test_rungs_of_paths_are_points_but_the_last(points: int, rungs: Any, found: tuple[int, ...]) -> None:
    config = study_of(
        epochs=60,
        polish=15,
        path={"lambda": points},
        stopping={"rungs": rungs},
        methods={"group_lasso": {}, "magnitude": {}},
    )
    assert config.rungs("group_lasso") == found
    usual = (10, 30) if rungs == "auto" else tuple(rung for rung in rungs if rung < 60)
    assert config.rungs("magnitude") == usual and config.staged
    with pytest.raises(ValueError, match="ascending epochs below 87"):
        study_of(epochs=60, polish=15, path={"lambda": 8}, stopping={"rungs": [10, 90]})
