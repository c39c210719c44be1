"""Paths in a YAML are those of the working directory it is run in, whoever reads the study afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from study.config.load import load, loads, to_yaml

YAML = "{name: a, data: DATA, model: mlp, epochs: 2, methods: [dense]}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STUDY_DATA", raising=False)
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "wine.csv").write_text("a,target\n1,0\n")
    (tmp_path / "pears").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", ["sets/wine.csv", "./sets/wine.csv", "pears"])
def test_a_path_is_stored_as_workers_elsewhere_find_it(name: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = loads(YAML.replace("DATA", name), names=False)
    assert config.data.name == str(home / name)
    monkeypatch.chdir("/")
    assert loads(to_yaml(config), names=False) == config


def test_the_folder_of_the_file_plays_no_part(home: Path) -> None:
    (home / "sets" / "study.yaml").write_text(YAML.replace("DATA", "sets/wine.csv"))
    assert load("sets/study.yaml", names=False).data.name == str(home / "sets" / "wine.csv")


@pytest.mark.parametrize("name", ["digits", "hub:owner/wine", "sets/none.csv"])
def test_what_is_no_path_here_stays_as_it_is(name: str, home: Path) -> None:
    assert loads(YAML.replace("DATA", name), names=False).data.name == name


def test_a_data_set_of_this_name_comes_before_a_folder(home: Path) -> None:
    (home / "digits").mkdir()
    assert loads(YAML.replace("DATA", "digits"), names=False).data.name == "digits"


def test_weights_and_teachers_are_paths_too(home: Path) -> None:
    for name in ("start.pt", "dense.safetensors"):
        (home / name).write_bytes(b"")
    model = "model: {name: mlp, weights: start.pt}, polish: 1, distil: {teacher: dense.safetensors}"
    config = loads(YAML.replace("model: mlp", model), names=False)
    assert config.model_options() == {"name": "mlp", "weights": str(home / "start.pt")}
    assert config.distil is not None and config.distil.teacher == str(home / "dense.safetensors")
    assert loads(to_yaml(config), names=False) == config
