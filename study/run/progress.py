"""Where a running study stands, and how that is shown: live in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from study.config import StudyConfig
from study.directory import OBJECTIVES, Manifest
from study.run.ending import Ending

Row = Mapping[str, Any]
LINE_SECONDS = 15.0


class Monitor:
    """What is finished and running, per method; rates count what this process has seen, not what it found on disk."""

    def __init__(self, config: StudyConfig) -> None:
        self.config = config
        self.rows: dict[str, list[Row]] = {name: [] for name in config.methods}
        self.running: dict[str, tuple[str, int, float]] = {}
        self.ending = Ending()
        self.warnings: list[str] = []
        self.found: int | None = None
        self.since = time.monotonic()

    def found_on_disk(self, rows: Iterable[Row]) -> None:
        """Start from these; what is running is to be trained again."""
        self.running.clear()
        for known in self.rows.values():
            known.clear()
        for row in rows:
            self.rows[row["method"]].append(row)
        if self.found is None:
            self.found = self.trials_finished

    def warn(self, warning: str) -> None:
        """Something to be told at the end, once."""
        if warning not in self.warnings:
            self.warnings.append(warning)

    def started(self, manifest: Manifest) -> None:
        self.running[manifest["pack"]] = (manifest["method"], len(manifest["trials"]), 0.0)

    def advanced(self, pack: str, fraction: float) -> None:
        if pack in self.running:
            method, trials, _ = self.running[pack]
            self.running[pack] = (method, trials, fraction)

    def finished(self, pack: str, rows: Iterable[Row]) -> None:
        self.running.pop(pack, None)
        for row in rows:
            self.rows[row["method"]].append(row)

    def stopped(self, pack: str) -> None:
        self.running.pop(pack, None)

    @property
    def trials_finished(self) -> int:
        return sum(map(len, self.rows.values()))

    @property
    def trials_failed(self) -> int:
        return sum(row["status"] == "FAILED" for rows in self.rows.values() for row in rows)

    @property
    def trials_total(self) -> int:
        return sum(self.budget(name) for name in self.rows)

    @property
    def elapsed(self) -> float:
        """Seconds."""
        return time.monotonic() - self.since

    def budget(self, method: str) -> int:
        """Trials that the method gets, repetitions counted."""
        return self.config.budget(method)

    def running_trials(self, method: str) -> int:
        return sum(trials for name, trials, _ in self.running.values() if name == method)

    def trials_per_second(self) -> float:
        """Finished since the start, with the finished parts of what is running."""
        partly = sum(trials * fraction for _, trials, fraction in self.running.values())
        return (self.trials_finished - (self.found or 0) + partly) / max(self.elapsed, 1e-9)

    def seconds_left(self) -> float | None:
        rate = self.trials_per_second()
        partly = sum(trials * fraction for _, trials, fraction in self.running.values())
        return (self.trials_total - self.trials_finished - partly) / rate if rate > 0 else None

    def best(self, method: str, objective: str) -> float | None:
        """The best value of an objective among the complete trials of a method."""
        which = OBJECTIVES[objective]
        values = [row[which.column] for row in self.rows[method] if row["status"] == "COMPLETE"]
        found = [value for value in values if value is not None]
        return (max if which.maximise else min)(found) if found else None


Hypervolume = Callable[[list[Row], tuple[str, ...]], float | None]


def render(monitor: Monitor, hypervolume: Hypervolume) -> Group:
    """The display of a moment."""
    objectives = monitor.config.objectives
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("method")
    table.add_column("", width=18)
    for heading in ("finished", "running", "failed", *(f"best {o}" for o in objectives), "hypervolume"):
        table.add_column(heading, justify="right")
    for method, rows in monitor.rows.items():
        failed = sum(row["status"] == "FAILED" for row in rows)
        volume = hypervolume(rows, tuple(objectives))
        table.add_row(
            method,
            ProgressBar(total=monitor.budget(method), completed=len(rows), width=18),
            f"{len(rows)}/{monitor.budget(method)}",
            str(monitor.running_trials(method) or ""),
            str(failed or ""),
            *(_number(monitor.best(method, o)) for o in objectives),
            "" if volume is None else f"{volume:.4f}",
        )
    return Group(table, Text(summary(monitor), style="dim"))


def summary(monitor: Monitor) -> str:
    """One line: trials, rate, time left."""
    left = monitor.seconds_left()
    parts = [
        f"{monitor.trials_finished}/{monitor.trials_total} trials",
        f"{60 * monitor.trials_per_second():.0f} a minute",
        f"{duration(monitor.elapsed)} so far",
    ]
    if monitor.ending:
        parts.append(f"{monitor.ending.reason}; waiting for checkpoints")
    elif left is not None and monitor.trials_finished < monitor.trials_total:
        parts.append(f"about {duration(left)} left")
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """Seconds as people say them: 42 s, 3 min 05 s, 2 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


@contextmanager
def display(console: Console, hypervolume: Hypervolume) -> Iterator[Callable[[Monitor], None]]:
    """A listener for `launch` that shows the study on the console."""
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4, transient=False) as live:
            yield lambda monitor: live.update(render(monitor, hypervolume))
        return
    shown = -LINE_SECONDS

    def line(monitor: Monitor) -> None:
        nonlocal shown
        if monitor.elapsed - shown >= LINE_SECONDS:
            shown = monitor.elapsed
            console.print(summary(monitor))

    yield line


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
