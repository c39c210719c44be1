"""Workers that hang are told from slow ones, and leave their stacks behind when they are ended."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from study.config import LimitSettings
from study.running.watchdog import EXIT_CODE, Pace


def test_an_hour_before_the_first_epoch_then_twenty_times_the_slowest() -> None:
    pace = Pace(LimitSettings())
    assert pace.look(3000, 0, None) is None
    assert pace.look(100, 1, "step") is None  # an epoch of 3100 s
    assert pace.look(61_000, 1, "step") is None
    wrong = pace.look(2000, 1, "step")
    assert wrong is not None and wrong[0] == "silent" and "made no step for 1050.0 min" in wrong[1]


def test_every_step_counts_however_long_the_epoch_takes() -> None:
    pace = Pace(LimitSettings(silent_minutes=1))
    assert all(pace.look(59, 0, step) is None for step in range(1000))
    assert pace.look(61, 0, 999) is not None


def test_ten_minutes_are_the_least() -> None:
    pace = Pace(LimitSettings())
    assert pace.look(0.1, 1, "step") is None
    assert pace.look(600, 1, "step") is None
    assert pace.look(1, 1, "step") is not None


def test_a_pack_may_take_so_long_in_one_worker() -> None:
    pace = Pace(LimitSettings(pack_minutes=2))
    assert all(pace.look(1, epoch, epoch) is None for epoch in range(1, 120))
    assert pace.look(2, 121, 121) == ("overdue", "took longer than pack_minutes, 2")


def test_a_process_that_hangs_is_ended_and_its_stacks_are_in_the_study_directory(tmp_path: Path) -> None:
    program = f"""
        import time
        from study.config import LimitSettings
        from study.directory import StudyDirectory
        from study.running.watchdog import Watchdog

        def waits_for_ever():
            time.sleep(3600)

        watchdog = Watchdog(StudyDirectory({str(tmp_path)!r}), "dense-p0000", LimitSettings(silent_minutes=0.02))
        with watchdog.working():
            waits_for_ever()
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    assert subprocess.run(command, env=os.environ, timeout=120, check=False).returncode == EXIT_CODE
    said = (tmp_path / "stacks" / "dense-p0000.silent.txt").read_text()
    assert said.startswith("dense-p0000 made no step for 0.0 min, where 0.0 are allowed; its threads:")
    assert "in waits_for_ever" in said
    assert said.splitlines()[-1] == "dense-p0000 made no step for 0.0 min, where 0.0 are allowed"
