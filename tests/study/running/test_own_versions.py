"""What of the user's own trials depend on, and that a change of it is said."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from study.config.named import ModelSettings
from study.config.settings import StudyConfig
from study.directory.versions import current_versions, version_differences
from study.running.found import own_versions

MODULE = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Linear(inputs, 4), nn.ReLU(), nn.Linear(4, outputs))
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StudyConfig]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_versioned.py").write_text(MODULE)
    (tmp_path / "rows.csv").write_text("a,b,label\n" + "1,2,x\n2,1,y\n" * 20)
    importlib.import_module("my_versioned")
    yield StudyConfig.model_validate(
        {
            "name": "own",
            "data": str(tmp_path / "rows.csv"),
            "model": "my_versioned:Net",
            "epochs": 3,
            "trials": 8,
            "methods": ["dense"],
        }
    )
    sys.modules.pop("my_versioned")


def said(config: StudyConfig, before: dict[str, str]) -> list[str]:
    """As `study resume` and `study extend` say it of packs that were made before."""
    return version_differences([{"versions": {**current_versions(), **before}}], own_versions(config))


def test_nothing_is_said_while_nothing_changes(config: StudyConfig) -> None:
    assert said(config, own_versions(config)) == []


def test_a_changed_activation_in_ones_own_module_is_said(config: StudyConfig, tmp_path: Path) -> None:
    before = own_versions(config)
    (tmp_path / "my_versioned.py").write_text(MODULE.replace("ReLU", "Tanh"))
    (difference,) = said(config, before)
    assert difference.startswith(f"my_versioned: trials were made with {before['my_versioned']}, now it is ")


def test_a_changed_data_file_is_said(config: StudyConfig, tmp_path: Path) -> None:
    before = own_versions(config)
    (tmp_path / "rows.csv").write_text("a,b,label\n" + "1,2,y\n2,1,x\n" * 20)
    (difference,) = said(config, before)
    assert difference.startswith(f"data: trials were made with {before['data']}, now it is ")


def test_a_library_of_networks_has_its_version_whether_it_is_loaded_or_not(config: StudyConfig) -> None:
    """Only a process that has built the network has loaded it, which a driver that resumes need not have."""
    for library, network in (("transformers", "ViTForImageClassification"), ("timm", "resnet18")):
        named = config.model_copy(update={"model": ModelSettings.model_validate(f"{library}:{network}")})
        expected = metadata.version(library) if find_spec(library) else None
        assert own_versions(named).get(library) == expected
