"""Folders that cannot be used and disks that are full, on every command: one message, no traceback, an exit code."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.cli import failures, main
from study.directory.store import HOOKS, Store

Command = Callable[..., tuple[int, str]]

READERS = (
    "status PLACE",
    "status PLACE --json",
    "resume PLACE",
    "extend PLACE --trials 8",
    "dashboard PLACE",
    "doctor PLACE",
    "doctor PLACE --fix",
    "pareto PLACE",
    "table PLACE --at-drop 1",
    "report PLACE",
    "compare PLACE PLACE",
    "export PLACE --front",
    "latency PLACE",
    "merge PLACE PLACE --output merged",
    "run PLACE.yaml",
    "evaluate PLACE.pt2 --data digits",
)
WRITERS = (
    "run digits --output PLACE",
    "merge GROWN OTHER --output PLACE/x",
    "init PLACE/x",
    "pareto GROWN --plot PLACE/x.svg",
)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command that has to fail; its exit code and what it says."""

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["study", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, capsys.readouterr().err

    return call


@pytest.fixture(params=["below a file", "too long", "of the kernel"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where nothing can be, not even for root, whom permissions do not stop."""
    (tmp_path / "file").touch()
    return {
        "below a file": tmp_path / "file" / "x",
        "too long": tmp_path / ("n" * 300),
        "of the kernel": Path("/proc/x"),
    }[request.param]


@pytest.mark.parametrize("line", READERS)
def test_a_study_that_cannot_be_read_is_said_so(line: str, place: Path, command: Command) -> None:
    code, said = command(*line.replace("PLACE", str(place)).split())
    assert code == 2
    assert said.startswith("study: ") and said.count("\n") == 1 and str(place) in said


@pytest.mark.parametrize("line", WRITERS)
def test_an_output_that_cannot_be_written_is_said_so(
    line: str, place: Path, command: Command, grow: Callable[..., Any]
) -> None:
    studies = {"PLACE": place, "GROWN": grow("a", packs=1, finished=1).path, "OTHER": grow("b", packs=1, seed=1).path}
    for name, path in studies.items():
        line = line.replace(name, str(path))
    code, said = command(*line.split())
    assert code == 2
    assert said.startswith("study: ") and said.count("\n") == 1
    assert str(place) in said or str(place.parent) in said, "where"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_behind_the_output_is_the_worlds() -> None:
    with Path("/dev/full").open("w") as full:
        run = subprocess.run([sys.executable, "-m", "study", "schema"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (run.returncode, run.stderr) == (1, "study: the output cannot be written: No space left on device\n")


def test_a_full_disk_under_a_study_is_the_worlds_and_names_the_file(
    tmp_path: Path, command: Command, grow: Callable[..., Any]
) -> None:
    def full(step: str, path: str) -> None:
        if step == "fsync":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    studies = [grow("a", packs=1, finished=1).path, grow("b", packs=1, finished=1, seed=1).path]
    HOOKS.append(full)
    try:
        code, said = command("merge", *studies, "--output", tmp_path / "merged")
    finally:
        HOOKS.remove(full)
    assert code == 1
    assert said.startswith(f"study: {tmp_path / 'merged'}/") and said.endswith(": No space left on device\n")


def test_a_reader_that_goes_away_is_no_failure() -> None:
    program = f"{sys.executable} -m study schema | head -c 1"
    run = subprocess.run(program, shell=True, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("{", "")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(errno.EACCES, "Permission denied", "/runs/a"), 2, "/runs/a: Permission denied"),
        (OSError(errno.EROFS, "Read-only file system", b"/runs/a"), 2, "/runs/a: Read-only file system"),
        (OSError(errno.EIO, os.strerror(errno.EIO)), 1, f"the output cannot be written: {os.strerror(errno.EIO)}"),
        (OSError(errno.EIO, "When reading a/b: no route"), 1, "When reading a/b: no route"),
        (OSError("AWS Error NETWORK_CONNECTION"), 1, "AWS Error NETWORK_CONNECTION"),
        (TimeoutError(), 1, "TimeoutError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, OSError) else str(value)[:20],
)
def test_the_users_errors_are_2_and_the_worlds_1(error: OSError, code: int, said: str) -> None:
    assert (failures.exit_code(error), failures.message(error)) == (code, said)


def test_a_write_that_fails_names_its_file(tmp_path: Path) -> None:
    def broken(step: str, path: str) -> None:
        if step == "fsync":
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    HOOKS.append(broken)
    try:
        with pytest.raises(OSError, match="Input/output error") as failed:
            Store(tmp_path).put("a/b", b"data")
    finally:
        HOOKS.remove(broken)
    assert failed.value.filename == str(tmp_path / "a" / "b")


def test_an_error_of_ours_is_shown_whole(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stumble(*arguments: Any, **options: Any) -> None:
        raise ValueError("expected one row per trial")

    monkeypatch.setattr("study.api.status", stumble)
    monkeypatch.setattr(sys, "argv", ["study", "status", "runs/any"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert said.startswith("Traceback") and "ValueError: expected one row per trial" in said
    assert "this is a bug in study; please report it" in said
