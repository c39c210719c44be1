"""A study that starts from what others have found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from study.config import StudyConfig, loads, of_mapping, stored, to_yaml
from study.directory import StudyDirectory
from study.search import Search
from trainables.errors import StudyError

SPACE = {"lr": [0.01, 0.1], "lambda": [0.001, 0.1]}


def config(**settings: Any) -> StudyConfig:
    given = {"name": "new", "data": "digits", "model": "mlp", "epochs": 2, "trials": 8, "sampler": "random"}
    methods = {"group_lasso": {"space": SPACE}, "dense": {}}
    return of_mapping({"methods": methods, **given, **settings}, names=False)


@pytest.fixture
def other(tmp_path: Path) -> StudyDirectory:
    """Four trials: two on the front, one behind, one that falls short of what the new study requires."""
    directory = StudyDirectory(tmp_path / "other")
    directory.create("name: other\n")
    found = [(0.9, 10, 0.02), (0.95, 30, 0.005), (0.8, 40, 0.003), (0.3, 1, 0.09)]
    rows = [
        {
            "study": "other", "method": "group_lasso", "trial": f"group_lasso-{n:05d}", "pack": "group_lasso-p0000",
            "number": n, "lane": n, "seed": n, "data_seed": 0, "status": "COMPLETE",
            "val_accuracy": accuracy, "neurons": neurons, "param_lambda": strength, "param_lr": 0.5, "param_beta": 1.0,
        }
        for n, (accuracy, neurons, strength) in enumerate(found)
    ]  # fmt: skip
    directory.write_results("group_lasso-p0000", "group_lasso", rows, [])
    return directory


def tried(settings: StudyConfig, place: Path) -> list[dict[str, Any]]:
    directory = StudyDirectory(place)
    directory.create(to_yaml(settings))
    search = Search(stored(directory), directory, {"group_lasso": 2, "dense": 2})
    found = []
    while (manifest := search.ask()) is not None:
        if manifest["method"] == "group_lasso":
            found += [spec["parameters"] for spec in manifest["trials"]]
    return found


def test_another_studys_front_comes_first(other: StudyDirectory, tmp_path: Path) -> None:
    settings = config(start_from=other.path(), require={"accuracy": 0.5})
    started = settings.methods["group_lasso"].start
    assert started is not None and [one["lambda"] for one in started[2:]] == [0.003]
    assert {one["lambda"] for one in started[:2]} == {0.02, 0.005}
    assert all("lr" not in one for one in started), "it is not in the range here"
    assert settings.start_from is None and settings.methods["dense"].start is None
    assert loads(to_yaml(settings), names=False) == settings
    asked = tried(settings, tmp_path / "new")
    assert [one["lambda"] for one in asked[:3]] == [one["lambda"] for one in started]
    assert all(0.01 <= one["lr"] <= 0.1 for one in asked)


def test_fewer_may_be_taken_and_the_studys_own_are_tried_before(other: StudyDirectory, tmp_path: Path) -> None:
    methods = {"group_lasso": {"space": SPACE, "first": [{"lambda": 0.05}]}, "dense": {}}
    settings = config(start_from={"source": other.path(), "trials": 1}, methods=methods)
    asked = tried(settings, tmp_path / "new")
    assert asked[0]["lambda"] == 0.05 and asked[1]["lambda"] in (0.02, 0.005, 0.09)
    assert len(settings.methods["group_lasso"].start or ()) == 1


def test_a_csv_file_has_a_column_for_each_parameter(tmp_path: Path) -> None:
    file = tmp_path / "found.csv"
    file.write_text(
        "method,lr,lambda,notes\ngroup_lasso,2e-2,0.01,good\ngroup_lasso,,0.02,\ndense,0.005,,\nnpn,0.01,,\n"
    )
    settings = config(start_from=str(file))
    assert settings.methods["group_lasso"].start == ({"lr": 0.02, "lambda": 0.01}, {"lambda": 0.02})
    assert settings.methods["dense"].start == ({"lr": 0.005},)


def test_the_papers_settings(tmp_path: Path) -> None:
    settings = config(start_from="papers", methods={"drop_neuron": {}, "npn": {}})
    assert all(settings.methods[name].start for name in ("drop_neuron", "npn"))


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    for source, said in {
        str(tmp_path / "nothing"): "start_from: expected a study directory, a file.csv or papers",
        str(tmp_path / "nothing.csv"): "start_from: expected a CSV file that can be read",
    }.items():
        with pytest.raises(StudyError, match=said):
            config(start_from=source)
    (tmp_path / "other.csv").write_text("method,lr\nnpn,0.01\n")
    with pytest.raises(StudyError, match="expected configurations of group_lasso, dense with parameters"):
        config(start_from=str(tmp_path / "other.csv"))
