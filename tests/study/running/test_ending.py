"""Ctrl-C that workers do not answer: a command's process ends, a notebook's or a program's gets a KeyboardInterrupt."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from study.running.ending import Ending, Signals

PROGRAM = """
import signal, time
from study.running.ending import Ending, Signals

with Signals(Ending(), "go on with", seconds=0.2, own_process=True):
    signal.raise_signal(signal.SIGINT)
    time.sleep(30)
"""


def test_a_notebook_gets_a_keyboard_interrupt_when_the_time_is_over() -> None:
    ending, before = Ending(), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="go on with"), Signals(ending, "go on with", seconds=0.2):
        signal.raise_signal(signal.SIGINT)
        time.sleep(30)
    assert (ending.reason, ending.exit_code) == ("stopped by SIGINT", 130)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_order_that_workers_do_not_answer_too() -> None:
    with pytest.raises(KeyboardInterrupt), Signals(Ending(), "go on with", seconds=0.2) as signals:
        signals.end("stopped by `study stop`", 130)
        time.sleep(30)


def test_a_second_ctrl_c_does_not_wait() -> None:
    with pytest.raises(KeyboardInterrupt), Signals(Ending(), "go on with", seconds=60):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_a_command_ends_its_process() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (130, "\ngo on with\n")
