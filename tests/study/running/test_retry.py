"""Failed trials are trained again; what has an outcome stays as it is, and what is wrong is said as long as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from study import api
from study.cli import app
from study.config.changes import CannotChange
from study.config.load import stored
from study.directory.checkpoints import Checkpoints
from study.directory.layout import KINDS, part_path
from study.directory.study_directory import StudyDirectory
from study.doctor.repair import examine, fix, recover
from study.running.faults import failed_alike
from study.running.publishing import failed_rows, publish
from study.running.retry import take_back
from study.running.training import Training
from trainables.errors import StudyError

Row = dict[str, Any]
Grow = Callable[..., Any]


def fail(directory: StudyDirectory, pack: str, complete: int = 0) -> None:
    """All trials of a finished pack have failed instead, but the first ones."""
    manifest = directory.manifest(pack)
    for kind in KINDS:
        directory.store.remove(part_path(kind, pack, manifest["method"]))
    rows = failed_rows(manifest, "Traceback\nRuntimeError: no such column")
    for row in rows[:complete]:
        row |= {"status": "COMPLETE", "epochs": 3, "val_accuracy": 0.5, "neurons": 3}
    curves = [{"trial": row["trial"], "epoch": epoch} for row in rows[:complete] for epoch in (1, 2, 3)]
    publish(directory, "digits", manifest, rows, curves)


@pytest.fixture
def failed(grow: Grow) -> StudyDirectory:
    """Two packs of dense are complete; one of group_lasso has failed, the other lost three of its four trials."""
    directory: StudyDirectory = grow(packs=4, finished=4).directory
    fail(directory, "group_lasso-p0000")
    fail(directory, "group_lasso-p0001", complete=1)
    return directory


def test_failed_trials_are_taken_back_and_complete_ones_stay(failed: StudyDirectory) -> None:
    before = {row["trial"]: row for row in failed.trials().to_pylist()}
    assert take_back(stored(failed), failed) == 7
    assert failed.finished() == {"dense-p0000", "dense-p0001"}
    training = Training(stored(failed), failed, "group_lasso-p0001")
    assert [len(part) for part in training.parts] == [3]
    while not training.done:
        training.advance(60)
    after = {row["trial"]: row for row in failed.trials().to_pylist()}
    kept = [name for name, row in before.items() if row["status"] == "COMPLETE" and name in after]
    assert "group_lasso-00004" in kept and {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert {row["status"] for row in failed.rows("group_lasso-p0001", "group_lasso")} == {"COMPLETE"}
    curve = failed.curves(["group_lasso-p0001"], ["group_lasso-00004"]).to_pylist()
    assert [row["epoch"] for row in curve] == [1, 2, 3]


def test_it_goes_on_from_the_checkpoint_of_a_pack_that_failed(failed: StudyDirectory) -> None:
    checkpoints = Checkpoints(failed.store, "group_lasso-p0000")
    checkpoints.save(2, {"weights": "as they were"})
    recover(failed)
    take_back(stored(failed), failed, "group_lasso")
    assert Checkpoints(failed.store, "group_lasso-p0000").newest() == {"weights": "as they were"}


def test_without_a_failed_trial_there_is_nothing_to_do(grow: Grow) -> None:
    directory = grow(packs=4, finished=4).directory
    with pytest.raises(StudyError, match="no trial of dense has failed"):
        take_back(stored(directory), directory, "dense")


def test_what_decided_complete_trials_cannot_change(failed: StudyDirectory) -> None:
    before = failed.trials()
    with pytest.raises(CannotChange, match=r"data\.name: was digits, now moons"):
        take_back(stored(failed, ["data=moons"]), failed)
    assert failed.trials() == before


def test_without_an_outcome_everything_may_change_and_trials_are_asked_anew(grow: Grow) -> None:
    study = grow(packs=2, finished=2)
    for manifest in study.manifests:
        fail(study.directory, manifest["pack"])
    take_back(stored(study.directory, ["data=moons"]), study.directory)
    assert study.directory.manifests() == [] and study.directory.finished() == set()
    assert study.directory.config()["data"]["name"] == "moons"


def test_status_and_doctor_tell_failed_from_finished(failed: StudyDirectory) -> None:
    found = json.loads(CliRunner().invoke(app, ["status", failed.path(), "--json"]).stdout)
    assert (found["state"], found["broke_off"]) == ("ended, 7 of them failed", 7)
    said = CliRunner().invoke(app, ["status", failed.path()]).stdout
    assert "study retry" in said and "complete" not in said
    doctor = CliRunner().invoke(app, ["doctor", failed.path()])
    assert doctor.exit_code == 1 and "healthy" not in doctor.stdout
    assert "4 trials failed: RuntimeError: no such column; `study retry` trains them again" in doctor.stdout


def test_checkpoints_of_failed_packs_stay_until_the_doctor_is_to_remove_them(failed: StudyDirectory) -> None:
    Checkpoints(failed.store, "group_lasso-p0000").save(5, {"weights": 1})
    Checkpoints(failed.store, "dense-p0000").save(5, {"weights": 1})
    kept = "checkpoints/group_lasso-p0000-00000005.pt"
    recover(failed)
    assert kept in failed.store.names("checkpoints", ".pt")
    assert "checkpoints/dense-p0000-00000005.pt" not in failed.store.names("checkpoints", ".pt")
    fix(failed)
    assert failed.store.names("checkpoints", ".pt") == []
    assert {finding.kind for finding in examine(failed)} == {"failed"}


@pytest.mark.parametrize(
    ("reasons", "alike"),
    [
        ({"dense": ["ValueError: row 3"], "npn": ["ValueError: row 17"]}, True),
        ({"dense": ["ValueError: row 3"], "npn": ["KeyError: 'x'"]}, False),
        ({"dense": ["ValueError: row 3"], "npn": []}, False),
        ({"dense": ["ValueError: row 3"], "npn": [None]}, False),
    ],
)
def test_first_packs_that_fail_alike(reasons: dict[str, list[str | None]], alike: bool) -> None:
    rows: dict[str, list[Row]] = {
        method: [
            {"status": "FAILED" if reason else "COMPLETE", "epochs": None if reason else 3, "reason": reason}
            for reason in own
        ]
        for method, own in reasons.items()
    }
    assert bool(failed_alike(rows)) == alike


def test_as_long_as_what_is_wrong_is_wrong_nothing_changes(grow: Grow) -> None:
    """The rehearsal comes first: the data that the trials failed of are still not there."""
    study = grow(packs=2, finished=2)
    directory = study.directory
    for manifest in study.manifests:
        fail(directory, manifest["pack"])
    before = study.files()
    for setting in ("data=missing.csv", "batch_size=100000"):
        ran = CliRunner().invoke(app, ["retry", directory.path(), "--set", setting])
        assert ran.exit_code != 0 and isinstance(ran.exception, StudyError | OSError), ran.exception
        assert study.files() == before
        with pytest.raises((StudyError, OSError)):
            api.retry(directory, overrides=[setting], progress=False)
        assert study.files() == before


def test_a_missing_method_is_one_line(failed: StudyDirectory) -> None:
    found = CliRunner().invoke(app, ["retry", failed.path(), "--method", "group_laso"])
    assert found.exit_code != 0 and "did you mean 'group_lasso'" in str(found.exception)
