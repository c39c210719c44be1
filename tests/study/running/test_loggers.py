"""What trackers get: TensorBoard's event files are read back; a tracker that fails stops nothing and misses nothing."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboardX.proto.event_pb2 import Event

from study.config.changes import check_changes
from study.config.load import ConfigError, StudyConfig, of_mapping, stored, to_yaml
from study.directory.layout import event_path, logged_path, part_path
from study.directory.study_directory import StudyDirectory
from study.running.loggers import Loggers
from study.running.training import Training
from study.search.search import Search
from trainables.errors import StudyError

pytestmark = pytest.mark.filterwarnings("default")  # of Tune's loggers

SETTINGS: dict[str, Any] = {
    "name": "little",
    "data": "digits",
    "model": {"name": "mlp", "widths": [8]},
    "epochs": 3,
    "polish": 1,
    "batch_size": 539,
    "evaluate_every": 2,
    "trials": 2,
    "methods": ["group_lasso"],
    "sampler": "random",
}


@pytest.fixture
def finished(tmp_path: Path) -> StudyDirectory:
    """A study of one pack of two trials, finished before anyone asked for a logger."""
    config = StudyConfig.model_validate(SETTINGS)
    directory = StudyDirectory(tmp_path / "little")
    directory.create(to_yaml(config))
    manifest = Search(config, directory, {"group_lasso": 2}).ask()
    assert manifest is not None
    directory.write_manifest(manifest)
    training = Training(stored(directory), directory, manifest["pack"])
    while not training.done:
        training.advance(1.0)
    return directory


def with_loggers(*names: str) -> StudyConfig:
    return StudyConfig.model_validate(SETTINGS | {"loggers": list(names)})


def events(data: bytes) -> Iterator[Event]:
    """Records of TensorFlow's: length, its checksum, an event, its checksum."""
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        event = Event()
        event.ParseFromString(data[12 : 12 + length])
        yield event
        data = data[16 + length :]


def scalars(directory: StudyDirectory, trial: str) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for event in events(directory.store.get(event_path(trial))):
        for value in event.summary.value:
            if value.HasField("simple_value"):
                found.setdefault(value.tag.removeprefix("ray/tune/"), {})[event.step] = value.simple_value
    return found


def log(directory: StudyDirectory, *names: str) -> list[str]:
    warnings: list[str] = []
    with Loggers(with_loggers(*names), directory, warnings.append) as loggers:
        loggers.update(directory.trials().to_pylist())
        loggers.close()
    return warnings


def test_tensorboard_has_a_run_of_every_trial(finished: StudyDirectory) -> None:
    assert log(finished, "tensorboard") == []
    for row in finished.trials().to_pylist():
        found = scalars(finished, row["trial"])
        curve = finished.curves(trials=[row["trial"]]).to_pylist()
        assert found["train_loss"] == pytest.approx({entry["epoch"]: entry["train_loss"] for entry in curve})
        assert found["val_accuracy"] == pytest.approx({e["epoch"]: e["val_accuracy"] for e in curve[1:]})
        assert found["test_accuracy"] == pytest.approx({3: row["test_accuracy"]})
        assert found["neurons"][3] == row["neurons"]
        plugins = [
            value
            for event in events(finished.store.get(event_path(row["trial"])))
            for value in event.summary.value
            if value.metadata.plugin_data.plugin_name == "hparams"
        ]
        assert any(b"lambda" in value.metadata.plugin_data.content for value in plugins)


def test_a_trial_is_logged_once_and_again_only_with_an_outcome_of_its_own(finished: StudyDirectory) -> None:
    log(finished, "tensorboard")
    rows = finished.trials().to_pylist()
    first = finished.store.get(event_path(rows[0]["trial"]))
    assert log(finished, "tensorboard") == []
    assert finished.store.get(event_path(rows[0]["trial"])) == first
    warnings: list[str] = []
    broken = {**rows[0], "trial": "group_lasso-00009", "status": "FAILED", "epochs": None}
    with Loggers(with_loggers("tensorboard"), finished, warnings.append) as loggers:
        loggers.update([broken])
        loggers.close()
    assert warnings == [] and not finished.store.exists(event_path("group_lasso-00009"))


def test_what_a_logger_could_not_get_it_gets_the_next_time(finished: StudyDirectory) -> None:
    rows = finished.trials().to_pylist()
    part = part_path("curves", rows[0]["pack"], "group_lasso")
    curves = finished.store.get(part)
    Path(finished.path(event_path(rows[0]["trial"]))).parent.parent.mkdir()
    Path(finished.path(event_path(rows[0]["trial"]))).parent.write_text("in the way")
    (warning,) = log(finished, "tensorboard")
    assert warning.startswith("loggers: tensorboard: ") and "when the study is resumed" in warning
    assert not finished.store.exists(logged_path("tensorboard", rows[0]["pack"]))
    Path(finished.path(event_path(rows[0]["trial"]))).parent.unlink()
    assert log(finished, "tensorboard") == [] and scalars(finished, rows[0]["trial"])
    assert finished.store.get(part) == curves


def test_loggers_may_change_and_are_off(finished: StudyDirectory) -> None:
    assert StudyConfig.model_validate(SETTINGS).loggers == ()
    (change,) = check_changes(stored(finished), with_loggers("tensorboard"), "here")
    assert change.key == "loggers"
    with pytest.raises(ConfigError, match=r"'tensorboard'.*did you mean .tensorboard."):
        of_mapping(SETTINGS | {"loggers": ["tensorbord"]})


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_missing_package_is_one_line(finished: StudyDirectory, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(StudyError, match=rf"loggers: {name}: .*pip install 'study\[{name}\]'"):
        log(finished, name)


def test_mlflow_has_a_run_of_every_trial(
    finished: StudyDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    where = (tmp_path / "mlruns").as_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", where)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    assert log(finished, "mlflow") == []
    client = mlflow.MlflowClient(tracking_uri=where)
    experiment = client.get_experiment_by_name("little")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    for row in finished.trials().to_pylist():
        run = runs.pop(row["trial"])
        assert float(run.data.params["lambda"]) == row["param_lambda"] and run.info.status == "FINISHED"
        assert run.data.metrics["test_accuracy"] == row["test_accuracy"]
        curve = client.get_metric_history(run.info.run_id, "train_loss")
        assert [point.step for point in curve] == [1, 2, 3]
    assert runs == {}
