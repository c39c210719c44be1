"""A study whose trials are points of paths, without Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from study.cli.plan import shared
from study.config.load import StudyConfig, to_yaml
from study.directory import Manifest
from study.directory.study_directory import StudyDirectory
from study.directory.trial import find_trial
from study.doctor.merge import merge
from study.rehearsal import scales
from study.running.retraining import retrain
from study.running.training import Training
from study.search import Search, Simulation
from tests.study.staged import little
from trainables.errors import StudyError

EPOCHS, POLISH, EVERY, POINTS, TRIALS = 5, 1, 2, 3, 12


pytestmark = pytest.mark.usefixtures("single_thread")


def study_of(**changes: Any) -> StudyConfig:
    given = {
        "epochs": EPOCHS,
        "trials": TRIALS,
        "methods": {"group_lasso": {"space": {"lambda": [0.01, 0.16]}}, "magnitude": {}},
        "pack": {"size": 2},
        "path": {"lambda": POINTS, "epochs": EVERY},
        "keep_models": "none",
    }
    return little(**given | changes)


def search_of(directory: StudyDirectory) -> Search:
    return Search(study_of(), directory, scales(study_of()))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> StudyDirectory:
    directory = StudyDirectory(tmp_path_factory.mktemp("study") / "paths")
    directory.create(to_yaml(study_of()))
    search = search_of(directory)
    while (manifest := search.ask()) is not None:
        directory.write_manifest(manifest)
        training = Training(study_of(), directory, manifest["pack"])
        while not training.done:
            training.advance(60)
        search.tell(manifest, directory.rows(manifest["pack"], manifest["method"]))
    return directory


def own(directory: StudyDirectory) -> list[Manifest]:
    return [manifest for manifest in directory.manifests() if manifest["method"] == "group_lasso"]


def test_a_pack_holds_whole_paths_over_the_range(finished: StudyDirectory) -> None:
    packs = own(finished)
    assert [len(pack["trials"]) for pack in packs] == [2 * POINTS, 2 * POINTS]
    specs = [spec for pack in packs for spec in pack["trials"]]
    for start in range(0, TRIALS, POINTS):
        path = specs[start : start + POINTS]
        strengths = [spec["parameters"]["lambda"] for spec in path]
        assert strengths == pytest.approx([0.01, 0.04, 0.16])
        assert len({spec["seed"] for spec in path}) == 1
        assert len({spec["parameters"]["lr"] for spec in path}) == 1
        assert [spec.get("path", []) for spec in path] == [strengths[:index] for index in range(POINTS)]
    assert len({spec["seed"] for spec in specs}) == TRIALS // POINTS


def test_rows_say_what_their_history_took_and_what_of_it_the_points_before_count(finished: StudyDirectory) -> None:
    rows = [row for row in finished.trials().to_pylist() if row["method"] == "group_lasso"]
    first = EPOCHS - POLISH
    assert [row["epochs"] for row in rows] == [5, 7, 9] * 4
    assert [row["shared_epochs"] for row in rows] == [0, first, first + EVERY] * 4
    spent = sum(row["epochs"] - row["shared_epochs"] for row in rows)
    assert spent == study_of().epochs_to_train("group_lasso") == 4 * (first + 2 * EVERY + 3 * POLISH)
    assert study_of().epochs_to_train("magnitude") == TRIALS * EPOCHS
    others = [row for row in finished.trials().to_pylist() if row["method"] == "magnitude"]
    assert {(row["epochs"], row["shared_epochs"]) for row in others} == {(EPOCHS, 0)}


def test_a_search_that_is_rebuilt_asks_the_same(finished: StudyDirectory, tmp_path: Path) -> None:
    directory = StudyDirectory(tmp_path / "study")
    directory.create(to_yaml(study_of()))
    first, second = own(finished)
    directory.write_manifest(first)
    directory.write_results(first["pack"], "group_lasso", finished.rows(first["pack"], "group_lasso"), [])
    others = [manifest for manifest in finished.manifests() if manifest["method"] == "magnitude"]
    for manifest in others:
        directory.write_manifest(manifest)
        directory.write_results(manifest["pack"], "magnitude", finished.rows(manifest["pack"], "magnitude"), [])
    search = search_of(directory)
    assert search.rebuild(directory.manifests(), directory.trials().to_pylist()) == []
    assert search.ask() == second


def test_a_point_is_trained_again_alone(finished: StudyDirectory) -> None:
    assert retrain(study_of(), find_trial(finished, "group_lasso-00005")).differences == {}


def test_the_dry_run_says_what_paths_there_are() -> None:
    said = shared(study_of())
    assert said.startswith(
        "Trials are points of paths: 3 values of lambda for group_lasso, 2 epochs from one to the next"
    )
    assert "44 epochs instead of 60" in said


def test_such_studies_are_neither_merged_nor_replayed(finished: StudyDirectory, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="follows paths"):
        merge([finished, finished], StudyDirectory(tmp_path / "out"))
    with pytest.raises(StudyError, match="cannot be replayed"):
        Simulation(study_of(), finished.trials().to_pylist(), [], scales(study_of()))


def test_the_epochs_between_points_are_a_tenth_by_default() -> None:
    path = study_of(epochs=60, polish=15, path={"lambda": 8}).path_of("group_lasso")
    assert path is not None and (path.points, path.epochs) == (8, 6)
    assert study_of().path_of("magnitude") is None
    written = study_of()
    assert StudyConfig.model_validate(written.model_dump(mode="json")) == written


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"path": {"lamda": 8}}, "did you mean 'lambda'"),
        ({"path": {"lambda": 1}}, "greater than or equal to 2"),
        ({"path": {"epochs": 3}}, "at least 1 item"),
        ({"seeds": 2}, "one seed for each path"),
        ({"polish": 0}, "polish, which each point ends with"),
        ({"lr_schedule": "cosine"}, "lr_schedule: constant"),
        ({"methods": {"group_lasso": {"space": {"lambda": 0.1}}}}, "a range, which its path goes through"),
    ],
)
def test_what_is_no_path_is_said(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        study_of(**change)
