"""What all commands share: the app, the consoles, how an argument looks, the user's errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from trainables.errors import StudyError

app = typer.Typer(
    help="Hyperparameter studies of networks that learn their own size.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
console = Console()
errors = Console(stderr=True)

Directory = Annotated[str, typer.Argument(help="A study directory: a path or an object-store URI.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class UserError(StudyError):
    """Something the user can put right; its message is all that is shown."""


def table_of(*headings: str, words: Collection[str] = ()) -> Table:
    """A plain table for the terminal: the first column and those named ``words`` hold text, the others numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="left" if index == 0 or heading in words else "right")
    return table


def wide(table: Table) -> None:
    """Print a table; in a file or a pipe each of its rows is one line, however long."""
    console.print(table, highlight=False, width=None if console.is_terminal else 10_000)


def importable() -> None:
    """A user's model is imported from where the command was given, by this process and by those it starts."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))
