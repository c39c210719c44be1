"""Temporary folders of drivers: one's own goes, a killed one's is removed by the next, all others stay."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from study.running.scratch import remove_leftovers, scratch

KILLED = """
import os
from study.running.scratch import scratch
left = scratch()
print(left.__enter__(), flush=True)
os._exit(9)
"""


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def test_what_a_killed_driver_has_left_is_removed_by_the_next() -> None:
    run = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True)
    left = Path(run.stdout.strip())
    assert left.is_dir(), run.stderr
    with scratch() as own:
        assert not left.exists() and Path(own).is_dir()
        assert remove_leftovers() == [], "its process lives"
    assert not Path(own).exists()


def test_what_cannot_be_told_stays(tmp_path: Path) -> None:
    for name, owner in {"a": "{}", "b": "no json", "c": '{"pid": 1, "space": "elsewhere", "started": 1}'}.items():
        (tmp_path / f"study-driver-{name}").mkdir()
        (tmp_path / f"study-driver-{name}" / "owner.json").write_text(owner)
    (tmp_path / "study-driver-d").mkdir()
    assert remove_leftovers() == [] and len(list(tmp_path.iterdir())) == 4
