"""Beginnings that trials have in common: trained once for each method and seed, and gone on from by all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from study.cli.plan import shared
from study.config.load import StudyConfig
from study.directory.study_directory import StudyDirectory
from study.directory.trial import find_trial
from study.doctor.repair import examine
from study.running.publishing import give_up
from study.running.retraining import retrain
from study.running.retry import take_back
from tests.study.staged import Driver, killed_at_every_write, little, made, tables
from trainables.errors import StudyError

EPOCHS, BEGIN, CONFIGURATIONS, SEEDS = 6, 2, 4, 2


pytestmark = pytest.mark.usefixtures("single_thread")


def study_of(**changes: Any) -> StudyConfig:
    given = {
        "epochs": EPOCHS,
        "trials": CONFIGURATIONS,
        "seeds": SEEDS,
        "methods": {"group_lasso": {"space": {"lr": [0.01, 0.05], "lambda": [0.01, 0.1]}}},
        "pack": {"size": 4},
        "warm_start": {"epochs": BEGIN, "lr": 0.02},
        "keep_models": "none",
    }
    return little(**given | changes)


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> StudyDirectory:
    return Driver(tmp_path_factory.mktemp("study") / "warm", study_of()).run().directory


def test_the_beginning_is_trained_once_for_each_seed(warm: StudyDirectory) -> None:
    (start,) = warm.segments.manifests()
    assert [spec["trial"] for spec in start["trials"]] == ["group_lasso-start-00000", "group_lasso-start-00001"]
    assert (start["until"], "start" in start) == (BEGIN, False)
    for manifest in warm.manifests():
        assert manifest["start"] == BEGIN
        assert {spec["after"] for spec in manifest["trials"]} == {start["pack"]}
        assert len({spec["state"] for spec in manifest["trials"]}) == SEEDS
    trained = [len(start["trials"]) * BEGIN, *(len(m["trials"]) * (EPOCHS - BEGIN) for m in warm.manifests())]
    assert sum(trained) == study_of().epochs_to_train("group_lasso")
    assert len(warm.segments.states()) == SEEDS, "a larger budget begins there, too"
    assert examine(warm) == []


def test_rows_say_what_their_history_took_and_what_of_it_is_counted_elsewhere(warm: StudyDirectory) -> None:
    rows, curves = tables(warm)
    assert {row["epochs"] for row in rows} == {EPOCHS}
    assert [row["shared_epochs"] for row in rows] == [0] * SEEDS + [BEGIN] * (CONFIGURATIONS - 1) * SEEDS
    spent = sum(row["epochs"] - row["shared_epochs"] for row in rows)
    assert spent == study_of().epochs_to_train("group_lasso")
    first = {row["trial"]: row for row in rows}
    alike: dict[int, list[Any]] = {}
    for trial, row in first.items():
        own = [entry for entry in curves if entry["trial"] == trial]
        assert [entry["epoch"] for entry in own] == list(range(1, EPOCHS + 1))
        rates = [entry["lr"] for entry in own]
        assert rates == pytest.approx([0.02] * BEGIN + [row["param_lr"]] * (EPOCHS - BEGIN))
        assert {entry["neurons"] for entry in own[:BEGIN]} == {row["dense_neurons"]}
        alike.setdefault(row["seed"], []).append([entry["val_loss"] for entry in own[:BEGIN]])
    assert len(alike) == SEEDS
    for found in alike.values():
        assert all(losses == found[0] for losses in found)


def test_a_trial_that_trains_its_beginning_itself_is_the_same(warm: StudyDirectory) -> None:
    again = retrain(study_of(), find_trial(warm, "group_lasso-00005"))
    assert again.differences == {}


def test_time_is_counted_once(warm: StudyDirectory) -> None:
    counted = [row["train_seconds"] for row in warm.trials().to_pylist()]
    rows, _ = warm.segments.account(warm.segments.manifests()[0]["pack"])
    assert min(counted) > 0
    by_epoch = {(c["trial"], c["epoch"]): c["seconds"] for c in warm.curves().to_pylist()}
    assert by_epoch["group_lasso-00004", BEGIN] == 0
    assert by_epoch["group_lasso-00000", BEGIN] == pytest.approx(sum(row["train_seconds"] for row in rows))


@pytest.mark.parametrize("chance", [1])
def test_the_same_whatever_order_workers_finish_in(chance: int, warm: StudyDirectory, tmp_path: Path) -> None:
    again = Driver(tmp_path / "again", study_of(), chance=chance).run().directory
    assert made(again) == made(warm)
    assert tables(again) == tables(warm)


def test_a_larger_budget_begins_there_too(warm: StudyDirectory, tmp_path: Path) -> None:
    Driver(tmp_path / "extended", study_of()).run()
    extended = Driver(tmp_path / "extended", study_of(trials=CONFIGURATIONS + 2)).run()
    rows, _ = tables(extended.directory)
    assert rows[: CONFIGURATIONS * SEEDS] == tables(warm)[0]
    assert [row["shared_epochs"] for row in rows[CONFIGURATIONS * SEEDS :]] == [BEGIN] * 2 * SEEDS
    assert len(extended.directory.segments.manifests()) == 1


def test_trials_whose_beginning_failed_train_it_themselves(warm: StudyDirectory, tmp_path: Path) -> None:
    driver = Driver(tmp_path / "study", study_of())
    start = driver.search.ask()
    assert start is not None
    assert driver.search.ask() is None, "its trials wait for it"
    driver.directory.write_manifest(start)
    give_up(driver.directory, "little", start, "its worker was lost")
    rows, _ = tables(Driver(tmp_path / "study", study_of()).run().directory)
    assert [row["shared_epochs"] for row in rows] == [0] * CONFIGURATIONS * SEEDS
    for row, other in zip(rows, tables(warm)[0], strict=True):
        assert row["neurons"] == other["neurons"]
        assert row["val_loss"] == pytest.approx(other["val_loss"], rel=1e-3)


@pytest.mark.slow
def test_with_rungs_a_driver_that_is_killed_at_every_write_ends_with_the_same_study(tmp_path: Path) -> None:
    pruning = {"magnitude": {"space": {"lr": [0.01, 0.05]}}}  # it shows sizes at any epoch
    config = study_of(methods=pruning, trials=8, seeds=1, stopping={"rungs": [4], "keep": 0.5, "least": 4})
    whole = Driver(tmp_path / "whole", config).run().directory
    assert {row["status"] for row in tables(whole)[0]} == {"COMPLETE", "STOPPED"}
    assert len(whole.segments.states()) == 1
    directory, trained, lives = killed_at_every_write(tmp_path / "killed", config)
    assert lives > 8
    assert len(trained) == len(set(trained))
    assert made(directory) == made(whole)
    assert tables(directory) == tables(whole)
    assert len(directory.segments.states()) == 1


def test_controls_begin_for_themselves() -> None:
    config = study_of(methods={"dense": {}, "magnitude": {}})
    assert config.beginning("dense") is None
    assert (config.recipe("dense").warm_start, config.recipe().warm_start) == (0, 0)
    assert (config.recipe("magnitude").warm_start, config.recipe("magnitude").warm_lr) == (BEGIN, 0.02)
    assert config.staged


def test_the_dry_run_says_what_is_shared() -> None:
    said = shared(study_of())
    assert said.startswith(
        "The first 2 are trained densely at rate 0.02, once for each method, search and seed: 36 epochs"
    )
    assert "instead of 48 for group_lasso" in said
    assert shared(study_of(warm_start=None)) == ""


def test_the_rate_is_that_of_the_methods_where_they_pin_it() -> None:
    pinned = {"magnitude": {"space": {"lr": 0.03}}}
    config = study_of(methods=pinned, warm_start=BEGIN)
    assert config.recipe("magnitude").warm_lr == 0.03


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"warm_start": BEGIN}, "as trials of several learning rates"),
        ({"warm_start": {"epochs": 5, "lr": 0.1}}, "at most 4 of the epochs"),
        ({"warm_start": {"epochs": 0, "lr": 0.1}}, "greater than or equal to 1"),
        ({"warm_start": True}, "warm_start"),
        ({"model": {"name": "mlp", "depth": {"choices": [1, 2]}}}, "a network that all trials have in common"),
        ({"stopping": {"rungs": [2, 4]}}, "epochs above those of warm_start"),
    ],
)
def test_what_has_no_beginning_in_common_is_said(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        study_of(**change)


def test_auto_rungs_divide_what_comes_after_the_beginning() -> None:
    begin = {"epochs": 12, "lr": 0.02}
    assert study_of(epochs=60, polish=15, stopping="auto", warm_start=begin).rungs() == (20, 36)


def test_such_studies_are_neither_tried_again_nor_merged(warm: StudyDirectory) -> None:
    with pytest.raises(StudyError, match="warm_start: trials of such a study cannot be tried again"):
        take_back(study_of(), warm)
