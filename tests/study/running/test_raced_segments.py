"""Candidates for the front are trained again where trials stop early or share beginnings. Without Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import analysis
from study.api.results import status
from study.cli import app
from study.config.load import StudyConfig
from study.directory.study_directory import StudyDirectory
from tests.study.staged import Driver, little, same_in_any_order, same_when_killed

EPOCHS, RUNG, TRIALS, REPEATS = 4, 2, 16, 5

pytestmark = pytest.mark.usefixtures("single_thread")


def study_of(**changes: Any) -> StudyConfig:
    given = {
        "epochs": EPOCHS,
        "trials": TRIALS,
        "seeds": {"front": 3},
        "methods": {"magnitude": {"space": {"lr": 0.02}}},
        "pack": {"size": 4},
        "stopping": {"rungs": [RUNG], "keep": 0.5, "least": 4},
    }
    return little(**given | changes)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> StudyDirectory:
    return Driver(tmp_path_factory.mktemp("study") / "whole", study_of()).run().directory


def test_who_comes_to_the_end_is_trained_again_to_the_end(whole: StudyDirectory) -> None:
    rows = {row["number"]: row for row in whole.trials().to_pylist()}
    again = [row for row in rows.values() if row["repeats"] is not None]
    assert list(rows) == list(range(TRIALS)) and len(again) == REPEATS
    assert {rows[row["repeats"]]["status"] for row in again} == {"COMPLETE"}
    assert {(row["status"], row["epochs"]) for row in again} == {("COMPLETE", EPOCHS)}
    assert "STOPPED" in {row["status"] for row in rows.values()}
    first = min(row["number"] for row in again)
    assert all(rows[number]["repeats"] is None for number in range(first)) and first == TRIALS - REPEATS
    assert whole.segments.states() == []


def test_the_status_says_how_many(whole: StudyDirectory) -> None:
    found = status(whole)
    assert (found.finished, found.budget, found.repeats) == (TRIALS, TRIALS, REPEATS)
    assert found.epochs == sum(row["epochs"] for row in whole.trials().to_pylist())
    front = analysis.pareto(analysis.load(whole.path()).trials)
    assert front["seeds"].max() > 1


def test_commands_name_what_a_trial_repeats(whole: StudyDirectory) -> None:
    row = next(row for row in whole.trials().to_pylist() if row["repeats"] is not None)
    said = CliRunner().invoke(app, ["show", whole.path(), row["trial"]]).output
    assert f"another seed of magnitude-{row['repeats']:05d}" in said
    assert "seeds" in CliRunner().invoke(app, ["pareto", whole.path()]).output


def test_the_same_whatever_order_workers_finish_in(whole: StudyDirectory, tmp_path: Path) -> None:
    same_in_any_order(whole, tmp_path / "again", study_of())


@pytest.mark.slow
def test_a_driver_that_is_killed_at_every_write_ends_with_the_same_study(whole: StudyDirectory, tmp_path: Path) -> None:
    same_when_killed(whole, tmp_path / "killed", study_of(), lives=15)


def test_other_seeds_begin_for_themselves(tmp_path: Path) -> None:
    """What trials share is of the first seed; who is trained again counts all of its epochs."""
    config = study_of(trials=8, stopping=None, warm_start={"epochs": 2, "lr": 0.02})
    config = config.model_copy(update={"methods": study_of(methods={"group_lasso": {}}).methods})
    rows = Driver(tmp_path / "warm", config).run().directory.trials().to_pylist()
    again = [row for row in rows if row["repeats"] is not None]
    assert len(again) == 2 and {row["status"] for row in rows} == {"COMPLETE"}
    assert {row["shared_epochs"] for row in again} == {0}
    assert [row["shared_epochs"] for row in rows if row["repeats"] is None] == [0] + [2] * 5
    assert {row["seed"] for row in again}.isdisjoint(row["seed"] for row in rows if row["repeats"] is None)
