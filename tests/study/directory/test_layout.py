"""What a path was made of is read back from it; and no other file of ours spells a name of the directory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import study
from study.directory import layout

SPELT = re.compile(
    r"""["'](study\.yaml|optuna\.journal|driver\.json|checkpoints|packs|results(/[^"']*)?)["'/]|-p\{|-p['"]|:05d|:04d"""
    r"""|f"[^"]*\.(safetensors|parquet|pt)\b|suffix=|["']\.(safetensors|parquet|pt|corrupt)["']"""
)
ROOMS = ("directory", "search", "running", "doctor", "cli")
ELSEWHERE = {
    "cli/predict.py",
    "directory/layout.py",
    "directory/model_card.py",  # suffixes of exported files, which lie where the user says
    "cli/writing.py",  # the study that `study init` writes
}


@pytest.mark.parametrize("method", ["group_lasso", "net-p2", "a.b"])
@pytest.mark.parametrize("number", [0, 12, 123456])
def test_names_are_read_back(method: str, number: int) -> None:
    pack = layout.pack_name(method, number)
    assert layout.pack_index(pack) == number
    assert layout.pack_of(layout.manifest_path(pack)) == pack
    for kind in layout.KINDS:
        path = layout.part_path(kind, pack, method)
        assert (layout.pack_of(path), layout.part_of(path), layout.is_part(path)) == (pack, (kind, method), True)
    checkpoint = layout.checkpoint_path(pack, number)
    assert (layout.pack_of(checkpoint), layout.epochs_of(checkpoint)) == (pack, number)
    trial = layout.trial_name(method, number)
    assert layout.trial_of(layout.network_path(trial)) == layout.trial_of(layout.card_path(trial)) == trial


def test_names_are_those_of_older_studies() -> None:
    assert layout.trial_name("group_lasso", 12) == "group_lasso-00012"
    assert layout.pack_name("group_lasso", 3) == "group_lasso-p0003"
    assert layout.checkpoint_path("npn-p0000", 40) == "checkpoints/npn-p0000-00000040.pt"
    assert layout.part_path("trials", "npn-p0000", "npn") == "results/trials/method=npn/npn-p0000.parquet"


def test_temporary_names_are_known_again() -> None:
    assert layout.is_temporary(layout.temporary("study.yaml"))
    assert layout.is_temporary(layout.journal_draft(layout.JOURNAL))
    assert not layout.is_temporary(layout.DRIVER_LOCK)


def test_names_of_the_directory_are_spelt_in_one_file() -> None:
    root = Path(str(study.__file__)).parent
    for file in (file for room in ROOMS for file in (root / room).rglob("*.py")):
        if file.relative_to(root).as_posix() not in ELSEWHERE:
            code = re.sub(r'""".*?"""', "", file.read_text(), flags=re.S)
            assert not SPELT.search(code), f"{file} spells {SPELT.search(code)}"
