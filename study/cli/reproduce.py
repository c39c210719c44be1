"""The command that runs a paper's experiment again: reproduce."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study.cli.app import app, console, table_of, wide, written
from study.cli.runs import Settings

if TYPE_CHECKING:
    from study.api import Number, Reproduction, Row


@app.command()
def reproduce(
    name: Annotated[str, typer.Argument(metavar="NAME_OR_FILE", help="A preset with published rows.")],
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Seeds 0 to N - 1; the preset's number if not given.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="An attempt in seconds, from which nothing follows.")] = False,
    rows: Annotated[list[str] | None, typer.Option("--row", metavar="LABEL", help="Only this published row.")] = None,
    settings: Settings = None,
    output: Annotated[
        Path | None, written("Where its studies and reproduction.json are kept; runs/NAME-reproduced.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Run a paper's experiment from several seeds, and show what was published beside what is measured.

    Rows that are there are not trained again, stopped ones go on. Only rows with the published settings, to the last
    epoch and on the published data, are called reproduced.
    """
    from study import api

    folder = output or api.folder_of(name, quick)
    told = (lambda row: None) if as_json else _show
    found = api.reproduce(
        name,
        seeds=seeds,
        quick=quick,
        rows=rows or (),
        overrides=settings or (),
        directory=folder,
        progress=not as_json,
        told=told,
    )
    file = api.written(found, folder)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
    else:
        _conclude(found, file)
    if any(row.status.startswith("stopped") for row in found.rows):
        raise typer.Exit(1)


def _show(row: Row) -> None:
    console.print(f"\n[bold]{row.label}[/bold] ({row.source}): [bold]{row.verdict}[/bold]", soft_wrap=True)
    if row.numbers is None:
        console.print(row.status, markup=False, highlight=False, soft_wrap=True)
        return
    if row.stand_in:
        console.print("on small generated files, for the data are not here: this shows that it runs, no more")
    elif not row.full:
        settings = ", ".join(row.settings)
        console.print(f"not the published experiment: {settings}", markup=False, highlight=False, soft_wrap=True)
    if row.data:
        console.print(f"on {row.data}", markup=False, highlight=False, soft_wrap=True)
    table = table_of(
        "", "published", "measured", "sd", "least", "most", "within tolerance", words=("within tolerance",)
    )
    for column, number in row.numbers.items():
        table.add_row(column.removeprefix("count_"), _text(number.published), *_measured(number), number.verdict or "")
    wide(table)
    failed = f", {row.failed} failed" if row.failed else ""
    pace = f", {row.seconds_per_epoch:.3g} s an epoch and seed" if row.seconds_per_epoch else ""
    console.print(
        f"{row.seeds} seed{'s' * (row.seeds != 1)}{failed}, {row.epochs} of {row.published_epochs} epochs{pace}",
        highlight=False,
    )


def _measured(number: Number) -> tuple[str, ...]:
    numbers = [value for value in number.values if not isinstance(value, str)]
    if not numbers:
        return ", ".join(map(str, number.values)), "", "", "", ""
    found = (number.mean, number.sd, min(numbers), statistics.median(numbers), max(numbers))
    return tuple(map(_text, found))


def _text(value: float | str | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _conclude(found: Reproduction, file: Path) -> None:
    console.print()
    for sentence in found.differs:
        console.print(f"differs: {sentence}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"All of it in {file}", soft_wrap=True)
