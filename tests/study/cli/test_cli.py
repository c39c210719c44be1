"""The commands that train and watch: what they refuse, how they stop, what they say."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.directory.lock import Lock
from study.directory.study_directory import StudyDirectory

YAML = """
name: little
data: digits
model: {name: mlp, widths: [8]}
epochs: 3
polish: 1
batch_size: 539
trials: 4
methods: {dense: {trials: 2}, group_lasso: }
pack: {size: 2}
"""

Run = subprocess.CompletedProcess[str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "little.yaml"
    path.write_text(YAML)
    return path


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study that has begun."""
    directory = StudyDirectory(tmp_path / "study")
    directory.create(YAML)
    return tmp_path / "study"


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "study", *map(str, arguments)]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that has to end with exit code 2; what it says, in one line."""
    from study import cli

    def call(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["study", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 2
        return capsys.readouterr().err

    return call


def test_run_does_not_touch_a_study_that_is_there(file: Path, study: Path, refused: Callable[..., str]) -> None:
    said = refused("run", file, "--output", study)
    assert f"holds a study already: go on with `study resume {study}`" in said


@pytest.mark.parametrize("name", ["resume", "extend --trials 8", "status"])
def test_what_is_no_study_is_said_so(name: str, tmp_path: Path, refused: Callable[..., str]) -> None:
    verb, *options = name.split()
    assert "expected a study directory" in refused(verb, tmp_path, *options)


def test_a_changed_study_is_refused_with_the_difference(file: Path, study: Path, refused: Callable[..., str]) -> None:
    file.write_text(YAML.replace("epochs: 3", "epochs: 30") + "notes: longer\n")
    said = refused("resume", study, file)
    assert f"study: {study / 'study.yaml'}: its trials were made with other values" in said
    assert "\n  epochs: was 3, now 30\n" in said and "notes: was" not in said
    assert "seed: was 0, now 1" in refused("resume", study, "--set", "seed=1")


def test_extend_wants_more_than_there_is(study: Path, refused: Callable[..., str]) -> None:
    said = refused("extend", study, "--trials", "4")
    assert "expected more than the 4 trials of a method that it has, but got 4" in said
    assert "--set methods.NAME.trials" in said and "dense (2)" in said


def test_a_second_driver_is_refused(study: Path, refused: Callable[..., str]) -> None:
    with Lock(StudyDirectory(study).store) as lock:
        assert f"{study} is driven by process" in refused("resume", study)
        assert f"{study} is driven by process" in refused("extend", study, "--trials", 8)
    assert not lock.lost.is_set()


def test_status_says_who_is_at_work(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from study.cli.runs import status

    status(str(study))
    assert "0 of 6 trials are finished, stopped" in capsys.readouterr().out
    with Lock(StudyDirectory(study).store):
        status(str(study))
    assert "0 of 6 trials are finished, running, process" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "said"), [(1, "1 damaged file is left out"), (2, "2 damaged files are left out")])
def test_status_says_what_is_damaged(
    number: int, said: str, grow: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    from study.cli.runs import status

    grown = grow()
    parts = sorted((grown.path / "results" / "trials").rglob("*.parquet"))
    status(str(grown.path), as_json=True)
    whole = json.loads(capsys.readouterr().out)
    assert whole["damaged"] == [] and (whole["finished"], whole["methods"]["dense"]["finished"]) == (12, 8)
    for path in parts[:number]:
        path.write_bytes(path.read_bytes()[:-10])
    status(str(grown.path))
    shown = capsys.readouterr().out
    assert said in shown and f"study doctor {grown.path}" in shown
    status(str(grown.path), as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert [str(path) in line for path, line in zip(parts, found["damaged"], strict=False)] == [True] * number
    assert found["finished"] == 12 - 4 * number
    in_flight = sum(counts["in_flight"] for counts in found["methods"].values())
    assert in_flight == 4 + 4 * number, "they are trained again"


def wait_for(condition: Callable[[], Any], seconds: float = 200) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_checkpoints_and_says_how_to_go_on(number: signal.Signals, file: Path, tmp_path: Path) -> None:
    place = tmp_path / "study"
    settings = ["--set", "epochs=1000000", "--set", "checkpoint.seconds=0.5", "--set", "resources.workers=1"]
    driver = subprocess.Popen(
        command("run", file, "--output", place, *settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: (place / "checkpoints").exists() and len(list((place / "checkpoints").iterdir())) >= 2)
    status = json.loads(subprocess.run(command("status", place, "--json"), capture_output=True, text=True).stdout)
    assert status["state"].startswith(f"running, process {driver.pid} on ")
    newest = max(path.name for path in (place / "checkpoints").iterdir())
    sent = time.monotonic()
    driver.send_signal(number)
    _, said = driver.communicate()
    assert time.monotonic() - sent < 40, "10 s, and what a machine under load takes to start and end processes"
    assert driver.returncode == 128 + number
    assert f"stopped by {number.name}; 0 of 6 trials are finished and nothing is lost" in said
    assert f"study resume {place}" in said
    assert max(path.name for path in (place / "checkpoints").iterdir()) > newest
    assert not (place / "driver.json").exists()


@pytest.mark.ray
@pytest.mark.slow
def test_run_then_extend(file: Path, tmp_path: Path) -> None:
    place = tmp_path / "study"
    run = command("run", file, "--output", place, "--set", "resources.workers=1")  # one process less that imports torch
    ran = subprocess.run(run, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    extended = subprocess.run(command("extend", place, "--trials", 6), capture_output=True, text=True)
    assert (extended.returncode, extended.stderr) == (0, "")
    directory = StudyDirectory(place)
    assert directory.trials()["trial"].to_pylist() == [
        *(f"dense-{number:05d}" for number in range(2)),
        *(f"group_lasso-{number:05d}" for number in range(6)),
    ]
    assert directory.config()["trials"] == 6
    assert (
        "8 of 8 trials are finished, complete"
        in subprocess.run(command("status", place), capture_output=True, text=True).stdout
    )
