"""Studies written by the real writer, read back as frames."""

from datetime import UTC, datetime

import pandas as pd
import pytest
import yaml

import analysis
from study.directory.study_directory import StudyDirectory


def write(location, name="digits", method="npn", trials=3, **parameters) -> str:
    directory = StudyDirectory(location)
    directory.create(yaml.safe_dump({"name": name, "seed": 0}))
    identity = [
        {"study": name, "method": method, "trial": f"{method}-{number:05d}", "pack": f"{method}-p0000"}
        for number in range(trials)
    ]
    rows = [
        {
            **one,
            "number": number,
            "lane": number,
            "seed": number,
            "data_seed": 0,
            "status": "COMPLETE" if number else "FAILED",
            "reason": None if number else "loss is nan in epoch 3",
            "val_accuracy": 0.9 if number else None,
            "neurons": 10 * number if number else None,
            "dense_neurons": 100,
            "widths": [4 * number, 6 * number] if number else None,
            "finished_at": datetime(2026, 1, 2, tzinfo=UTC),
            **{f"param_{key}": value for key, value in parameters.items()},
        }
        for number, one in enumerate(identity)
    ]
    curves = [{**one, "epoch": epoch, "neurons": 50} for one in identity for epoch in range(2)]
    directory.write_results(f"{method}-p0000", method, rows, curves)
    return str(location)


def test_frames_have_types_and_keep_gaps(tmp_path):
    study = analysis.load(write(tmp_path / "a", lr=0.1, mode="expand"))
    assert len(study.trials) == 3
    assert len(study.curves) == 6
    assert study.trials["neurons"].tolist() == [pd.NA, 10, 20]
    kinds = {name: str(study.trials[name].dtype) for name in study.trials}
    assert kinds["neurons"] == "Int64"
    assert kinds["val_accuracy"] == "float64"
    assert kinds["method"] == kinds["status"] == "category"
    assert kinds["trial"] == kinds["param_mode"] == "str"
    assert kinds["param_lr"] == "float64"
    assert kinds["finished_at"] == "datetime64[us, UTC]"
    assert list(study.trials["widths"][1]) == [4, 6]
    assert study.configs["digits"]["seed"] == 0


def test_what_was_left_out_is_counted(tmp_path):
    left = analysis.load(write(tmp_path / "a")).left_out()
    assert left.to_numpy().tolist() == [["digits", "npn", "FAILED", "loss is nan in epoch 3", 1]]


def test_a_loaded_study_can_be_analysed(tmp_path):
    trials = analysis.load(write(tmp_path / "a")).trials
    assert analysis.pareto(trials)["trial"].tolist() == ["npn-00001"]
    assert analysis.hypervolume(trials) == pytest.approx(0.9 * 0.5)
    assert analysis.summary(trials).frame["left_out"].tolist() == [1, 1]


def test_several_studies_are_told_apart(tmp_path):
    places = write(tmp_path / "a", "first", lr=0.1), write(tmp_path / "b", "second", lr="auto", depth=2)
    study = analysis.load(*places)
    assert study.trials.groupby("study").size().to_dict() == {"first": 3, "second": 3}
    assert study.trials["param_lr"].tolist() == ["0.1"] * 3 + ["auto"] * 3
    assert study.trials["param_depth"].isna().sum() == 3
    assert set(study.configs) == {"first", "second"}


def test_studies_of_one_name_are_called_by_their_location(tmp_path):
    places = write(tmp_path / "a"), write(tmp_path / "b")
    study = analysis.load(*places)
    assert set(study.trials["study"]) == set(study.curves["study"]) == set(study.configs) == set(places)


def test_a_study_without_results_is_empty(tmp_path):
    StudyDirectory(tmp_path).create("name: digits\n")
    study = analysis.load(tmp_path)
    assert study.trials.empty
    assert analysis.pareto(study.trials).empty


def test_not_a_study(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a study directory"):
        analysis.load(tmp_path)
    with pytest.raises(ValueError, match="expected one or several"):
        analysis.load()
    with pytest.raises(ValueError, match="different"):
        analysis.load(tmp_path, tmp_path)
