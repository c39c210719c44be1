"""What all commands share: the app, the consoles, how an argument looks, the user's errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from trainables.errors import StudyError
from trainables.own_code import trust
from trainables.uris import without_secrets

_USAGE: Any = typer.BadParameter.__mro__[2]
"""Click's exception for all that it tells the user; typer brings a Click of its own."""


class _Commands(TyperGroup):
    """What is wrong with an argument is said without the keys that may be in it."""

    def make_context(self, *words: Any, **more: Any) -> Any:
        return self._discreetly(super().make_context, *words, **more)

    def invoke(self, ctx: Any) -> Any:
        return self._discreetly(super().invoke, ctx)

    def _discreetly(self, call: Callable[..., Any], *words: Any, **more: Any) -> Any:
        try:
            return call(*words, **more)
        except _USAGE as error:
            error.message = without_secrets(error.message)
            raise


app = typer.Typer(
    cls=_Commands,
    help="Hyperparameter studies of networks that learn their own size.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class _Discreet(Console):
    """Says no keys of a URI, whoever put them into what is said: the user's own argument, quoted in a message."""

    def print(self, *objects: Any, **how: Any) -> None:
        super().print(*(without_secrets(said) if isinstance(said, str) else said for said in objects), **how)


console = _Discreet()
errors = _Discreet(stderr=True)

Directory = Annotated[str, typer.Argument(help="A study directory: a path or an object-store URI.")]


def _trust(modules: list[str] | None) -> list[str] | None:
    trust(*modules or ())
    return modules


def on_disk(file: Path | None) -> Path | None:
    """A file to be written; what is meant for an object store would become a folder of that name, keys included."""
    if file is not None and re.match(r"\w{2,}:/", str(file)):
        raise StudyError(f"expected a file on a local disk, but got {file}")
    return file


def written(what: str, *names: str) -> Any:
    """An option for a file to be written."""
    return typer.Option(*names, callback=on_disk, help=what)


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
