"""Ctrl-C before anything has begun."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import ray  # noqa: F401
from psutil import NoSuchProcess, Process, wait_procs  # which Ray brings along

_HEARD = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # who starts tests in the background has it ignored
from study.__main__ import main
main()
"""


@pytest.mark.parametrize("seconds", [0.15, 0.6, 1.5])
def test_sigint_in_the_first_seconds_ends_without_a_traceback(seconds: float, tmp_path: Path) -> None:
    code = "from study.__main__ import main; print('up', flush=True); main()"
    command = [sys.executable, "-c", code, "run", "digits", "--dry-run", "--output", str(tmp_path / "study")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "up\n"
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    assert process.returncode in (130, 0), "0: it was over before"
    assert not (tmp_path / "study").exists()


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_ray_starts_ends_it_and_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    place = tmp_path / "study"
    command = [sys.executable, "-c", _HEARD, "run", "digits", "--output", str(place)]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    started = list[Process]()
    while not any(_named(child) == "gcs_server" for child in started):
        assert run.poll() is None
        started = Process(run.pid).children(recursive=True)
        time.sleep(0.02)
    run.send_signal(number)
    _, said = run.communicate(timeout=60)
    assert (run.returncode, said.strip()) == (128 + number, f"study: stopped by {number.name}")
    assert not place.exists()
    assert not wait_procs(started, timeout=30)[1]


def _named(process: Process) -> str:
    """What it is called; nothing where it has ended since it was listed."""
    try:
        return str(process.name())
    except NoSuchProcess:
        return ""
