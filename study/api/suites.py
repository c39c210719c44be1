"""Suites from Python: several studies, one directory for each, run, resumed and looked at as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from study.api.results import Result, Status, opened, status
from study.api.runs import resume, run
from study.config import Suite, load_suite
from study.directory import StudyDirectory


@dataclass(frozen=True)
class SetStatus:
    """One study of a suite: its directory and how far it is; `state` says "not begun" where there is none."""

    directory: str
    state: str
    finished: int
    failed: int
    budget: int


def places(suite: Suite, output: str | Path | None = None) -> dict[str, StudyDirectory]:
    """Where each study of a suite lies: a directory for each in `runs/SUITE`, if no other is given."""
    root = str(output or f"runs/{suite.name}").rstrip("/")
    return {name: opened(f"{root}/{name}") for name in suite.studies}


def run_suite(
    suite: Suite | str | Path,
    output: str | Path | None = None,
    *,
    overrides: Sequence[str] = (),
    progress: bool = True,
    listener: Callable[[str, StudyDirectory], None] = lambda name, place: None,
) -> dict[str, Result]:
    """Run the studies of a suite one after the other; those that are there go on, those that are complete stay.

    Called again it resumes. It ends with the first study that is stopped.

    Args:
        listener: told the name and the directory of each study before it starts.

    Raises:
        StudyError, ConnectionError, OSError, KeyboardInterrupt: as of `run` and `resume`.
    """
    found = suite if isinstance(suite, Suite) else load_suite(suite, overrides)
    results: dict[str, Result] = {}
    for name, place in places(found, output).items():
        listener(name, place)
        begun = place.exists()
        if begun and (there := status(place)).finished >= there.budget == _budget(found, name):
            failed = sum(method.failed for method in there.methods.values())
            results[name] = Result(place, found.studies[name], there.finished, failed, there.budget, 0.0, then="")
            continue
        config = found.studies[name]
        results[name] = resume(place, config, progress=progress) if begun else run(config, place, progress=progress)
        if results[name].stopped:
            break
    return results


def suite_status(suite: Suite, output: str | Path | None = None) -> dict[str, SetStatus]:
    """How far each study of a suite is; nothing is changed."""
    found = {}
    for name, place in places(suite, output).items():
        if not place.exists():
            found[name] = SetStatus(place.path(), "not begun", 0, 0, _budget(suite, name))
            continue
        one: Status = status(place)
        failed = sum(method.failed for method in one.methods.values())
        found[name] = SetStatus(place.path(), one.state, one.finished, failed, _budget(suite, name))
    return found


def _budget(suite: Suite, name: str) -> int:
    config = suite.studies[name]
    return sum(config.budget(method) for method in config.methods)
