"""What manifests say they were made with, and what counts as a change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from study.directory import versions as module
from study.directory.versions import current_versions, machine, version_differences


def test_the_machine_is_named() -> None:
    said = current_versions()["machine"]
    assert f"{os.cpu_count()} core" in said and not said.startswith(",")
    assert " GB" in said


def test_gpus_are_counted_by_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index, model in enumerate(("NVIDIA L4", "NVIDIA L4", "NVIDIA H200")):
        (tmp_path / str(index)).mkdir()
        (tmp_path / str(index) / "information").write_text(f"Model: \t\t {model}\nIRQ:   \t\t 44\n")
    monkeypatch.setattr(module, "_GPUS", tmp_path)
    assert machine().endswith("GB, 2 x NVIDIA L4, 1 x NVIDIA H200")


def test_another_machine_is_no_other_version() -> None:
    elsewhere = {"versions": {**current_versions(), "machine": "another one"}}
    assert version_differences([elsewhere]) == []
    older = {"versions": {**current_versions(), "torch": "2.11.0"}}
    assert version_differences([elsewhere, older, {}]) == [
        f"torch: trials were made with 2.11.0, {current_versions()['torch']}, now it is {current_versions()['torch']}"
    ]
