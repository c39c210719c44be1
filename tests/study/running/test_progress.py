"""What is shown of a running study: it moves with the epochs, estimates stand still, logs stay short."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from study.running.monitor import Monitor
from study.running.progress import LINE_SECONDS, display, render, stage, summary
from tests.study.conftest import configuration


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A monitor of 8 trials for each of two methods, in packs of 4, 10 epochs each, and its clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.monitor = Monitor(configuration(epochs=10), self.clock)
        self.monitor.found_on_disk([])

    def start(self, method: str, number: int = 0) -> str:
        pack = f"{method}-p{number:04d}"
        trials: Any = [{"trial": f"{method}-{4 * number + lane:05d}"} for lane in range(4)]
        self.monitor.started({"schema": 1, "pack": pack, "method": method, "trials": trials})
        return pack

    def report(self, pack: str, epoch: int, seconds: float, found: int = 0, **more: Any) -> None:
        report = {"trials_done": 0, "fraction": epoch / 10, "gained": (epoch - found) / 10, "seconds": seconds}
        self.monitor.advanced(pack, report | {"part": 0.0, "epoch": epoch, "epochs": 10, "together": 4} | more)

    def finish(self, pack: str, seconds: float) -> None:
        self.report(pack, 10, seconds)
        row = {"method": pack.partition("-")[0], "status": "COMPLETE", "epochs": 10, "val_accuracy": 0.5, "neurons": 3}
        rows = [row | {"trial": f"{pack}-{lane}"} for lane in range(4)]
        self.monitor.finished(pack, rows)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_the_first_epoch_moves(watched: Watched) -> None:
    pack = watched.start("dense")
    watched.clock.now += 30
    watched.report(pack, 0, 30.0, part=0.05)
    assert watched.monitor.fraction == pytest.approx(0.05 * 4 / 16)
    assert watched.monitor.seconds_left() == pytest.approx(30 / 0.2 * (16 - 0.2))
    assert watched.monitor.progress()[pack]["fraction"] == 0.05
    watched.clock.now += 3
    assert watched.monitor.fraction == pytest.approx(0.055 * 4 / 16)


def test_what_workers_wait_for_is_said(watched: Watched) -> None:
    watched.monitor.lacking = "a node with 64 CPUs"
    assert summary(watched.monitor).endswith("waiting for a node with 64 CPUs")
    watched.report(watched.start("dense"), 1, 10.0)
    assert "waiting" not in summary(watched.monitor)


def test_progress_counts_epochs(watched: Watched) -> None:
    pack = watched.start("dense")
    assert summary(watched.monitor).startswith("0 % · 0 of 16 trials")
    watched.clock.now += 10
    watched.report(pack, 8, 10.0)
    assert watched.monitor.fraction == pytest.approx(0.8 * 4 / 16)
    assert summary(watched.monitor).startswith("20 % · 0 of 16 trials · 19.2 a minute · 10 s so far")


def test_the_bar_moves_between_reports_of_long_epochs_and_never_past_the_next(watched: Watched) -> None:
    pack = watched.start("dense")
    watched.clock.now += 60
    watched.report(pack, 1, 60.0)
    watched.clock.now += 30
    assert watched.monitor.trials_done("dense") == pytest.approx(4 * 0.15)
    watched.clock.now += 3000
    assert watched.monitor.trials_done("dense") < 4 * 0.2


def test_the_time_left_is_by_method_and_workers(watched: Watched) -> None:
    assert watched.monitor.seconds_left() is None
    dense, lasso = watched.start("dense"), watched.start("group_lasso")
    watched.clock.now += 3600  # of waiting for a cluster: no worker's time
    watched.finish(dense, 4.0)
    watched.report(lasso, 10, 40.0)
    # dense: 4 more trials of 1 s each; group_lasso: 4 more of 10 s each; two at once
    assert watched.monitor.seconds_left() == pytest.approx((4 * 1 + 4 * 10) / 2)


def test_the_time_left_does_not_count_what_a_checkpoint_brought(watched: Watched) -> None:
    pack = watched.start("dense")
    watched.report(pack, 6, 10.0, found=4)
    per_trial = 10.0 / (4 * 0.2)
    assert watched.monitor.seconds_left() == pytest.approx(per_trial * (16 - 2.4))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "epoch 4 of 10, 4 trials together"),
        ({"together": 1, "trials_done": 2}, "epoch 4 of 10 of trial 3 of 4"),
        ({"together": 2, "trials_done": 2}, "epoch 4 of 10, 2 of 4 trials together, 2 done"),
    ],
)
def test_each_worker_tells_what_it_trains(more: dict[str, int], said: str, watched: Watched) -> None:
    pack = watched.start("dense")
    assert stage(watched.monitor.running[pack]) == "4 trials, starting"
    watched.report(pack, 3, 1.0, **more)
    assert stage(watched.monitor.running[pack]) == said
    console = Console(file=io.StringIO(), width=120)
    console.print(render(watched.monitor, lambda rows, objectives: None))
    assert isinstance(console.file, io.StringIO)
    assert "dense-p0000" in console.file.getvalue() and said in console.file.getvalue()


def test_a_log_of_a_long_run_is_short(watched: Watched) -> None:
    pack = watched.start("dense")
    console = Console(file=io.StringIO(), width=80)
    assert isinstance(console.file, io.StringIO)
    with display(console, lambda rows, objectives: None, "study in DIR") as listener:
        assert console.file.getvalue() == "", "nothing is announced before it has begun"
        for second in range(24 * 3600):
            watched.clock.now = 100.0 + second
            if second % 600 == 0:
                watched.report(pack, second // 9000, float(second))
            listener(watched.monitor)
            if second == LINE_SECONDS:
                assert len(console.file.getvalue().splitlines()) == 3
    text = console.file.getvalue()
    assert text.startswith("study in DIR\n0 % · 0 of 16 trials")
    assert len(text.splitlines()) < 150 and len(text) < 12_000


def test_a_forced_terminal_that_is_a_file_gets_lines(watched: Watched) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    assert isinstance(console.file, io.StringIO)
    with display(console, lambda rows, objectives: None) as listener:
        listener(watched.monitor)
        listener(watched.monitor)
    assert console.file.getvalue().count("\n") == 1 and "\x1b[2K" not in console.file.getvalue()
