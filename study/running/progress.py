"""How a running study is shown: live in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from study.running.monitor import Monitor, Running
from study.running.tally import Volume, remembered

_BAR = 18
_MOST_LINES = 8
"""Packs in training that are shown; a cluster has hundreds."""

_FASTEST, _SLOWEST = 1.0, 5.0
"""Seconds between redraws, growing with the time so far: what records a terminal records each of them."""

LINE_SECONDS = 15.0
"""Between lines, growing too: a day fits on two screens."""


def render(monitor: Monitor, hypervolume: Volume | None) -> Group:
    """The display of a moment."""
    objectives = monitor.config.objectives
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("method")
    table.add_column("", width=_BAR)
    headings = ["finished", "running", "failed", *(f"best {o}" for o in objectives)]
    for heading in [*headings, "hypervolume"] if hypervolume else headings:
        table.add_column(heading, justify="right")
    for method, tally in monitor.tallies.items():
        volume = hypervolume(list(tally.front.values()), tuple(objectives)) if hypervolume else None
        table.add_row(
            method,
            ProgressBar(total=monitor.budget(method), completed=monitor.trials_done(method), width=_BAR),
            f"{tally.finished}/{monitor.budget(method)}",
            str(monitor.running_trials(method) or ""),
            str(tally.failed or ""),
            *(_number(monitor.best(method, o)) for o in objectives),
            *(["" if volume is None else f"{volume:.4f}"] if hypervolume else []),
        )
    lines = [workers(monitor)] if monitor.running else []
    return Group(table, *lines, Text(summary(monitor), style="dim"))


def workers(monitor: Monitor) -> Table:
    """A line for each pack in training."""
    table = Table(box=None, pad_edge=False, show_header=False)
    now, running = monitor.now(), sorted(monitor.running.values(), key=lambda one: one.pack)
    for one in running[:_MOST_LINES]:
        bar = ProgressBar(total=1.0, completed=one.fraction_at(now), width=_BAR)
        table.add_row(Text(one.pack, style="cyan"), bar, stage(one), duration(now - one.since))
    if len(running) > _MOST_LINES:
        table.add_row(Text(f"and {len(running) - _MOST_LINES} more", style="dim"))
    return table


def stage(running: Running) -> str:
    """What a worker trains at the moment: "epoch 12 of 60, 16 trials together"."""
    if not running.epochs:
        return f"{_trials(running.trials)}, starting"
    where = f"epoch {min(running.epoch + 1, running.epochs)} of {running.epochs}"
    if running.together == running.trials:
        return f"{where}, {_trials(running.trials)}" + " together" * (running.trials > 1)
    if running.together > 1:
        return f"{where}, {running.together} of {_trials(running.trials)} together, {running.finished} done"
    return f"{where} of trial {min(running.finished + 1, running.trials)} of {running.trials}"


def summary(monitor: Monitor) -> str:
    """One line: how much of all epochs, trials, rate, time left."""
    left = monitor.seconds_left()
    parts = [
        f"{100 * monitor.fraction:.0f} %",
        f"{monitor.trials_finished} of {_trials(monitor.trials_total)}",
        f"{60 * monitor.trials_per_second():.3g} a minute",
        f"{duration(monitor.elapsed)} so far",
    ]
    if monitor.ending:
        parts.append(f"{monitor.ending.reason}; waiting for checkpoints")
    elif monitor.lacking and not any(one.epochs for one in monitor.running.values()):
        parts.append(f"waiting for {monitor.lacking}")
    elif monitor.trials_finished < monitor.trials_total:
        parts.append("starting" if left is None else f"about {duration(_rounded(left))} left")
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
def display(
    console: Console, hypervolume: Volume | None = None, title: str = ""
) -> Iterator[Callable[[Monitor], None]]:
    """A listener for `launch` that shows the study on the console.

    Args:
        title: shown with the first news, of a study that could be begun.
    """
    announced = False

    def announce() -> None:
        nonlocal announced
        if title and not announced:
            console.print(title)
        announced = True

    shown = float("-inf")
    if console.is_jupyter:  # one line that changes; rich's own display needs another package there
        yield lambda monitor: _overwrite(summary(monitor))
        sys.stdout.write("\n")
        return
    if console.is_terminal and not console.is_dumb_terminal and console.file.isatty():
        volume = remembered(hypervolume) if hypervolume else None
        with Live(console=console, auto_refresh=False, transient=False) as live:

            def draw(monitor: Monitor) -> None:
                nonlocal shown
                announce()
                wait = min(max(_FASTEST, monitor.elapsed / 30), _SLOWEST)
                if monitor.elapsed - shown >= wait or monitor.ending or monitor.over:
                    shown = monitor.elapsed
                    live.update(render(monitor, volume), refresh=True)

            yield draw
        return

    def line(monitor: Monitor) -> None:
        nonlocal shown
        announce()
        if monitor.elapsed - shown >= max(LINE_SECONDS, monitor.elapsed / 20):
            shown = monitor.elapsed
            console.print(summary(monitor), highlight=False, soft_wrap=True)

    yield line


def _trials(number: int) -> str:
    return f"{number} trial{'s' * (number != 1)}"


def _rounded(seconds: float) -> float:
    """To 5 s and more: an estimate is not to the second, and its text stands still."""
    step = 1 if seconds < 10 else 5 if seconds < 120 else 30 if seconds < 1800 else 300
    return step * round(seconds / step)


def _overwrite(line: str) -> None:
    sys.stdout.write(f"\r{line:<100}")
    sys.stdout.flush()


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
