"""A study that stops trials early, without Ray: packs to the first rung, segments of the lanes that go on, results."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from study.config.load import StudyConfig
from study.directory.study_directory import StudyDirectory
from study.doctor.repair import examine, fix
from study.running.publishing import give_up
from tests.study.staged import Driver, little, made, same_in_any_order, same_when_killed, tables, timeless
from trainables.errors import StudyError

EPOCHS, RUNGS, TRIALS = 6, (2, 4), 12


pytestmark = pytest.mark.usefixtures("single_thread")


def study_of(**changes: Any) -> StudyConfig:
    given = {
        "epochs": EPOCHS,
        "trials": TRIALS,
        "methods": {
            "magnitude": {"space": {"lr": 0.02}}
        },  # it prunes at the end, by what it would have ended with before
        "pack": {"size": 4},
        "stopping": {"rungs": list(RUNGS), "keep": 0.5, "least": 4},
    }
    return little(**given | changes)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> StudyDirectory:
    return Driver(tmp_path_factory.mktemp("study") / "whole", study_of()).run().directory


def test_trials_stop_at_rungs_and_the_others_end(whole: StudyDirectory) -> None:
    rows, curves = tables(whole)
    assert [row["trial"] for row in rows] == [f"magnitude-{number:05d}" for number in range(TRIALS)]
    ends = {row["trial"]: row["epochs"] for row in rows}
    assert set(ends.values()) == {*RUNGS, EPOCHS}
    assert {row["status"] for row in rows if row["epochs"] == EPOCHS} == {"COMPLETE"}
    assert {row["status"] for row in rows if row["epochs"] < EPOCHS} == {"STOPPED"}
    for row in rows:
        own = [entry for entry in curves if entry["trial"] == row["trial"]]
        assert [entry["epoch"] for entry in own] == list(range(1, row["epochs"] + 1))
        assert row["neurons"] < row["dense_neurons"]
        if row["status"] == "COMPLETE":
            assert own[-1]["neurons"] == row["neurons"]
            assert own[-1]["val_accuracy"] == row["val_accuracy"]
        assert (row["test_accuracy"] is None) == (row["status"] == "STOPPED")
    assert whole.segments.states() == [], "nothing goes on from any lane"


def test_segments_are_as_full_as_they_can_be(whole: StudyDirectory) -> None:
    segments = whole.segments.manifests()
    for start in RUNGS:
        own = [len(manifest["trials"]) for manifest in segments if manifest["start"] == start]
        assert set(own[:-1]) <= {4}, "all but the last of a rung"
        assert sum(own) == sum(row["epochs"] > start for row in whole.trials().to_pylist())
    for manifest in segments:
        assert all(spec["after"] and spec["pack"] for spec in manifest["trials"])


def test_what_goes_on_is_what_trains_through(whole: StudyDirectory, tmp_path: Path) -> None:
    """Trials of the first pack, from the first rung on: those of a study that stops none, but for the order of sums."""
    config = study_of(trials=4, stopping={"rungs": [2], "keep": 1.0})
    through = Driver(tmp_path / "through", config, workers=1).run().directory
    assert {row["status"] for row in through.trials().to_pylist()} == {"COMPLETE"}
    expected = {(row["trial"], row["epoch"]): row for row in through.curves().to_pylist()}
    later = [row for row in whole.curves().to_pylist() if row["epoch"] > 2 and (row["trial"], 1) in expected]
    assert later
    for row in later:
        assert row["val_accuracy"] == pytest.approx(expected[row["trial"], row["epoch"]]["val_accuracy"], abs=0.05)


@pytest.mark.parametrize("chance", [1, 2])
def test_the_same_whatever_order_workers_finish_in(chance: int, whole: StudyDirectory, tmp_path: Path) -> None:
    same_in_any_order(whole, tmp_path / "again", study_of(), chance)


@pytest.mark.slow
def test_a_driver_that_is_killed_at_every_write_ends_with_the_same_study(whole: StudyDirectory, tmp_path: Path) -> None:
    directory = same_when_killed(whole, tmp_path / "killed", study_of(), lives=20)
    assert directory.segments.states() == []


def test_a_larger_budget_goes_on_from_there(whole: StudyDirectory, tmp_path: Path) -> None:
    location = tmp_path / "extended"
    Driver(location, study_of()).run()
    extended = Driver(location, study_of(trials=TRIALS + 4)).run()
    rows = timeless(extended.directory.trials().to_pylist())
    assert len(rows) == TRIALS + 4
    assert rows[:TRIALS] == tables(whole)[0]


def test_a_pack_that_is_given_up_lets_the_others_go_on(tmp_path: Path) -> None:
    driver = Driver(tmp_path / "study", study_of(trials=8), workers=1)
    manifest = driver.search.ask()
    assert manifest is not None
    driver.directory.write_manifest(manifest)
    give_up(driver.directory, "little", manifest, "its worker was lost")
    rows = Driver(tmp_path / "study", study_of(trials=8), workers=1).run().directory.trials().to_pylist()
    assert [row["status"] for row in rows[:4]] == ["FAILED"] * 4
    assert {row["status"] for row in rows[4:]} == {"COMPLETE", "STOPPED"} or len(rows) == 8


def test_a_lane_that_is_torn_is_said(tmp_path: Path) -> None:
    segments = StudyDirectory(tmp_path / "study").segments
    StudyDirectory(tmp_path / "study").create("name: x\n")
    name = segments.write_state("magnitude-00003", 10, b"the state of a lane")
    assert segments.states() == [name]
    (tmp_path / "study" / "lanes" / f"{name}.safetensors").write_bytes(b"the state of a lame")
    with pytest.raises(StudyError, match="is damaged: its checksum is wrong"):
        segments.state(name)


def test_seeds_of_a_configuration_stop_together(tmp_path: Path) -> None:
    directory = Driver(tmp_path / "study", study_of(trials=6, seeds=2)).run().directory
    rows = directory.trials().to_pylist()
    ends = [row["epochs"] for row in rows]
    assert ends[::2] == ends[1::2]
    assert len(set(ends)) > 1
    with pytest.raises(StudyError, match=r"pack\.size is 4"):
        Driver(tmp_path / "other", study_of(seeds=5))


@pytest.mark.parametrize("rungs", [[4, 2], [2, 2], [6], [2, 9]])
def test_rungs_are_epochs_below_the_last(rungs: list[int]) -> None:
    with pytest.raises(ValidationError, match="ascending epochs below 6"):
        study_of(stopping={"rungs": rungs})


def test_auto_rungs_are_a_sixth_and_a_half() -> None:
    assert study_of(epochs=60, polish=15, stopping="auto").rungs() == (10, 30)
    assert study_of(epochs=3, stopping="auto").rungs() == (1, 2)
    assert study_of(stopping=None).rungs() == ()


def test_accounts_that_are_damaged_are_set_aside_and_their_lanes_train_again(
    whole: StudyDirectory, tmp_path: Path
) -> None:
    """From the first epoch where what they went on from is gone; decisions and results are the same."""
    shutil.copytree(Path(whole.path()), tmp_path / "damaged")
    directory = StudyDirectory(tmp_path / "damaged")
    segment = next(manifest for manifest in directory.segments.manifests() if manifest["start"] == RUNGS[1])
    for name in ("magnitude-p0000", segment["pack"]):
        (tmp_path / "damaged" / "accounts" / f"{name}.json").write_text("{")
    for part in (tmp_path / "damaged" / "results").rglob("*.parquet"):
        part.unlink()
    assert [finding.path for finding in examine(directory) if finding.kind == "torn"] == [
        f"accounts/{name}.json" for name in sorted(("magnitude-p0000", segment["pack"]))
    ]
    fix(directory)
    again = Driver(tmp_path / "damaged", study_of()).run()
    assert sorted(again.trained) == sorted(("magnitude-p0000", segment["pack"]))
    assert made(again.directory) == made(whole)
    rows = tables(again.directory)[0]
    for row, before in zip(rows, tables(whole)[0], strict=True):
        assert [row[name] for name in ("trial", "status", "epochs")] == [
            before[name] for name in ("trial", "status", "epochs")
        ]
        assert row["val_loss"] == pytest.approx(before["val_loss"], rel=1e-3)
    assert again.directory.segments.states() == []
