"""What all commands share: the app, the consoles, how an argument looks, the user's errors."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from trainables.own_code import trust

app = typer.Typer(
    help="Hyperparameter studies of networks that learn their own size.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
console = Console()
errors = Console(stderr=True)

Directory = Annotated[str, typer.Argument(help="A study directory: a path or an object-store URI.")]


def _trust(modules: list[str] | None) -> list[str] | None:
    trust(*modules or ())
    return modules


Modules = Annotated[
    list[str] | None,
    typer.Option(
        "--module",
        metavar="NAME",
        callback=_trust,
        help="Import this module of yours for the study or the network, though it is not in the working directory.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def table_of(*headings: str, words: Collection[str] = ()) -> Table:
    """A plain table for the terminal: the first column and those named ``words`` hold text, the others numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="left" if index == 0 or heading in words else "right")
    return table


def wide(table: Table) -> None:
    """Print a table; in a file or a pipe each of its rows is one line, however long."""
    console.print(table, highlight=False, width=None if console.is_terminal else 10_000)
