"""Ctrl-C before anything has begun."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


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
