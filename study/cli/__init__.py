"""The command line: run and resume studies, see where they stand, draw what they found."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from typing import Any

from study.cli import (
    ascii,
    cluster,
    enqueue,
    failures,
    figures,
    fronts,
    jobs,
    models,
    orders,
    plan,
    predict,
    reproduce,
    retrain,
    runs,
    simulate,
    suite,
    trials,
    upkeep,
    writing,
)
from study.cli.app import app, errors
from trainables.errors import StudyError
from trainables.uris import without_secrets

__all__ = [
    "app",
    "cluster",
    "enqueue",
    "failures",
    "figures",
    "fronts",
    "jobs",
    "main",
    "models",
    "orders",
    "plan",
    "predict",
    "reproduce",
    "retrain",
    "runs",
    "simulate",
    "suite",
    "trials",
    "upkeep",
    "writing",
]


def main() -> None:
    """Entry point: errors become one message, exit code 2 for the user's and 1 for the world's; see study.cli.failures.

    STUDY_DEBUG=1 shows where they came from. Any other error is a bug of ours, and shown whole.
    """
    ascii.accept()
    warnings.showwarning = _shower(warnings.showwarning)
    try:
        app()
    except (StudyError, OSError) as error:
        if os.environ.get("STUDY_DEBUG"):
            raise
        said, code = str(error), 2
        if isinstance(error, OSError):
            said, code = failures.message(error), failures.exit_code(error)
        errors.print(f"study: {said}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(code) from None
    except Exception:
        sys.stderr.write(without_secrets(traceback.format_exc()))
        said = "this is a bug in study; please report it with the lines above, the command and the YAML"
        errors.print(f"study: {said}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(1) from None


def _shower(others: Any) -> Any:
    """What is wrong with the user's files is for the user; other warnings are for whoever wrote the code."""

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        from study.directory import DamagedWarning, WatchingWarning

        if issubclass(category, DamagedWarning | WatchingWarning):
            text = f"study: {message}" + ("; see `study doctor`" if issubclass(category, DamagedWarning) else "")
            errors.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)
        else:
            others(message, category, *where, **more)

    return show
