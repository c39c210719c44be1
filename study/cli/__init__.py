"""The command line: run and resume studies, see where they stand, draw what they found."""

from __future__ import annotations

import os

from study.cli import fronts, models, runs, upkeep, writing
from study.cli.app import app, errors

__all__ = ["app", "fronts", "main", "models", "runs", "upkeep", "writing"]


def main() -> None:
    """Entry point: the user's errors become one message and exit code 2. STUDY_DEBUG=1 shows where they came from."""
    try:
        app()
    except (ValueError, FileNotFoundError) as error:
        if os.environ.get("STUDY_DEBUG"):
            raise
        errors.print(f"study: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(2) from None
