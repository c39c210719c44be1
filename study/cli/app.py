"""What all commands share: the app, the consoles, how an argument looks, the user's errors."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

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


class UserError(ValueError):
    """Something the user can put right; its message is all that is shown."""


def table_of(*headings: str) -> Table:
    """A plain table for the terminal: the first column is text, the others are numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index else "left")
    return table
