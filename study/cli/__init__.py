"""The command line: run and resume studies, see where they stand, draw what they found."""

from __future__ import annotations

import os
import warnings
from typing import Any

from study.cli import fronts, models, runs, upkeep, writing
from study.cli.app import app, errors
from study.results import DamagedWarning

__all__ = ["app", "fronts", "main", "models", "runs", "upkeep", "writing"]


def main() -> None:
    """Entry point: the user's errors become one message and exit code 2. STUDY_DEBUG=1 shows where they came from."""
    warnings.showwarning = _shower(warnings.showwarning)
    try:
        app()
    except (ValueError, FileNotFoundError) as error:
        if os.environ.get("STUDY_DEBUG"):
            raise
        errors.print(f"study: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(2) from None


def _shower(others: Any) -> Any:
    """What is wrong with the user's files is for the user; other warnings are for whoever wrote the code."""

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, DamagedWarning):
            text = f"study: {message}; see `study doctor`"
            errors.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)
        else:
            others(message, category, *where, **more)

    return show
