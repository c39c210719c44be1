"""Studies from Python are the command line's equal."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import ray
from typer.testing import CliRunner

import study
from study.cli import app
from tests.study.train import trained

LITTLE: dict[str, Any] = {
    "name": "little",
    "data": {"name": "digits", "limit": 240},
    "model": {"name": "mlp", "widths": (8,)},
    "epochs": 2,
    "polish": 1,
    "trials": 2,
    "pack": {"size": 2},
    "methods": ["group_lasso"],
}


@pytest.fixture
def local_ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.parametrize("package", ["study", "trainables", "search_spaces", "analysis"])
def test_packages_are_typed(package: str) -> None:
    assert resources.files(package).joinpath("py.typed").is_file()


def test_importing_loads_next_to_nothing() -> None:
    code = "import sys, study; study.__version__; print(sorted({'pyarrow', 'pydantic', 'rich'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_all_names_are_there_and_no_others() -> None:
    assert set(study.__all__) <= set(dir(study))
    assert all(getattr(study, name) is not None for name in study.__all__)
    assert callable(study.run) and study.run.__module__ == "study.api.runs"
    with pytest.raises(AttributeError, match="has no attribute 'rum'"):
        study.rum  # noqa: B018


def test_a_configuration_may_be_a_mapping_a_file_a_preset_or_itself(tmp_path: Path) -> None:
    found = study.load_config(LITTLE, names=False)
    (tmp_path / "little.yaml").write_text(json.dumps(LITTLE))
    assert study.load_config(tmp_path / "little.yaml", names=False) == found
    assert study.load_config(found) is found
    assert study.load_config(found, ["trials=5"], names=False).trials == 5
    assert study.load_config("digits", ["methods.dense.trials=3", "searches=2"], names=False).budget("dense") == 6


def test_a_mistake_in_a_mapping_has_its_key() -> None:
    with pytest.raises(study.ConfigError, match=r"^configuration: epochs: expected a whole number, but got 'many'"):
        study.load_config(LITTLE | {"epochs": "many"}, names=False)
    with pytest.raises(study.StudyError, match="did you mean 'trials'"):
        study.load_config(LITTLE | {"trails": 3}, names=False)


def test_what_is_no_study_has_no_status(tmp_path: Path) -> None:
    with pytest.raises(study.NotAStudy):
        study.status(tmp_path)


def test_a_study_whose_budget_is_spent_needs_neither_data_nor_ray(tmp_path: Path) -> None:
    table = tmp_path / "some.csv"
    table.write_text("\n".join(["a,b,label", *(f"{i % 7},{i % 5},{i % 2}" for i in range(60))]))
    config = study.load_config({**LITTLE, "data": str(table), "batch_size": 8, "trials": 1, "pack": {"size": 1}})
    place = study.StudyDirectory(tmp_path / "little")
    trained(config, place)
    table.unlink()
    again = study.resume(place, progress=False)
    assert (again.finished, again.stopped) == (1, None)


@pytest.mark.ray
def test_run_status_extend_resume(local_ray: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "little"
    result = study.run(LITTLE, place, progress=False)
    assert capsys.readouterr() == ("", ""), "silence on demand"
    assert (result.finished, result.failed, result.budget, result.complete) == (2, 0, 2, True)
    assert result.directory.trials().num_rows == 2
    with pytest.raises(study.StudyError, match="holds a study already"):
        study.run(LITTLE, place)
    with pytest.raises(study.StudyError, match="expected more than the 2 trials"):
        study.extend(place, 2)
    assert study.extend(place, 4, progress=False).finished == 4
    again = study.resume(place)
    assert (again.finished, again.stopped) == (4, None)
    found = study.status(place)
    assert (found.state, found.finished, found.methods["group_lasso"].budget) == ("complete", 4, 4)
    with pytest.raises(study.StudyError, match="no trial has failed"):
        study.retry(place, progress=False)
    trial = study.show(place, "group_lasso-00003")
    assert (trial.status, trial.method, len(trial.curve)) == ("COMPLETE", "group_lasso", 2)
    assert trial.row is not None and trial.row["param_lr"] == trial.parameters["lr"]
    said = CliRunner().invoke(app, ["show", str(place), trial.trial, "--json"]).stdout
    assert json.loads(said)["row"]["neurons"] == trial.row["neurons"]
    made = study.retrain(place, trial.trial)
    assert made.differences == {} and study.show(place, trial.trial).kept
    file = tmp_path / "network.pt2"
    assert CliRunner().invoke(app, ["export", str(place), "--trial", trial.trial, "--output", str(file)]).exit_code == 0
    (tmp_path / "rows.csv").write_text("\n".join([",".join(f"p{i}" for i in range(64)), ",".join(["0.5"] * 64)]))
    (answer,) = study.predict(file, tmp_path / "rows.csv").rows
    assert answer["row"] == 0 and sum(answer["probabilities"].values()) == pytest.approx(1)
    assert [event["kind"] for event in study.logs(place).events].count("started") == 3
    assert study.logs(place, trial.trial).failures == {}
    assert study.stop(place), "nobody is at work"
    assert study.enqueue(place, "group_lasso", {"lr": 0.01}).waiting == 1
    with pytest.raises(study.StudyError, match="did you mean 'lambda'"):
        study.enqueue(place, "group_lasso", {"lamda": 0.01})
    said = CliRunner().invoke(app, ["status", str(place), "--json"]).stdout
    assert json.loads(said)["methods"]["group_lasso"] == {"finished": 4, "in_flight": 0, "failed": 0, "budget": 4}
    assert study.extend(place, 5, progress=False, timeout=0.0).stopped
