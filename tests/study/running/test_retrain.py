"""A network that was not kept is had again by training its trial once more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from study.cli import app
from study.config import stored
from study.directory import Models, find_trial
from study.running.retraining import differences, retrain
from tests.study.running.test_training import pack_at, train
from trainables.training.pack import Pack

pytestmark = pytest.mark.usefixtures("single_thread")


def test_a_trial_trained_again_has_its_numbers_and_its_network(tmp_path: Path) -> None:
    directory, manifest = pack_at(tmp_path / "study", keep_models="none")
    train(directory, manifest)
    models, trial = Models(directory), manifest["trials"][2]["trial"]
    with pytest.raises(ValueError, match=f"keep_models is 'none'.*\n  study retrain {directory.path()} {trial}"):
        models.read(trial)
    result = CliRunner().invoke(app, ["retrain", directory.path(), trial])
    assert result.exit_code == 0, result.output
    assert f"study export {directory.path()} --trial {trial}" in result.output.replace("\n", " ").replace("  ", " ")
    found = find_trial(directory, trial)
    assert found.row is not None
    network = models.read(trial)
    assert network.card["trial"]["widths"] == found.row["widths"] and trial in models
    assert models.trials() == [], "what is kept of the front is another matter"


def test_where_it_makes_a_difference_its_pack_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory, manifest = pack_at(tmp_path / "study")
    train(directory, manifest)
    trial = manifest["trials"][1]["trial"]
    initialise = Pack.__init__
    packs: list[int] = []

    def noted(pack: Pack, job: Any, keep: Any) -> None:
        packs.append(len(job.trials))

        def changed(rows: Any, outcomes: Any) -> None:
            keep([row | ({"neurons": 1} if len(packs) == 1 else {}) for row in rows], outcomes)

        initialise(pack, job, changed)

    monkeypatch.setattr(Pack, "__init__", noted)
    made = retrain(stored(directory), find_trial(directory, trial))
    assert packs == [1, 4] and made.together and not made.differences and made.network is not None


def test_counts_have_to_be_equal_and_scores_close() -> None:
    then = {"status": "COMPLETE", "neurons": 3, "widths": [1, 2], "val_accuracy": 0.9, "test_nmse": None}
    assert differences(then, then | {"val_accuracy": 0.9004, "test_nmse": 1.0}) == {}
    assert differences(then, then | {"val_accuracy": 0.91}) == {"val_accuracy": (0.9, 0.91)}
    assert differences(then, then | {"widths": [2, 1]}) == {"widths": ([1, 2], [2, 1])}


def test_what_has_no_network_is_said(tmp_path: Path) -> None:
    directory, manifest = pack_at(tmp_path / "study")
    trial = manifest["trials"][0]["trial"]
    with pytest.raises(ValueError, match=f"{trial} is in flight"):
        retrain(stored(directory), find_trial(directory, trial))
    with pytest.raises(ValueError, match="it is not finished yet"):
        Models(directory).read(trial)
    with pytest.raises(ValueError, match="did you mean group_lasso-0000"):
        Models(directory).read("group_lasso-0000")
