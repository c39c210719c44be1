"""study predict: what an exported network says of each row of a table, or each image of a folder."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from study.cli.app import Json, app, console, errors, table_of, written

_SHOWN = 20
"""Answers on the terminal; --output and --json have all."""


@app.command()
def predict(
    network: Annotated[Path, typer.Argument(help="A network that `study export` wrote.")],
    file: Annotated[Path, typer.Argument(help="A CSV or Parquet file, an image, or a folder of images.")],
    output: Annotated[Path | None, written("Write the answers to this CSV file.")] = None,
    as_json: Json = False,
) -> None:
    """What a network says of each row of a table or each image: the class and its probability, or the number."""
    from study import api

    found = api.predict(network, file)
    for line in found.warnings:
        errors.print(f"study: {line}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    rows = found.rows
    if output is not None:
        output.write_text(_as_csv(rows), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if output is None:
        _show(rows)
    where = f" in {output}" if output else ""
    console.print(f"{len(rows):,} answers of {network.name}{where}", soft_wrap=True, highlight=False)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    own = {name: value for name, value in row.items() if name != "probabilities"}
    return own | {f"probability_{name}": value for name, value in row.get("probabilities", {}).items()}


def _as_csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(_flat(rows[0])), lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_flat, rows))
    return text.getvalue()


def _show(rows: list[dict[str, Any]]) -> None:
    columns = [name for name in rows[0] if name != "probabilities"][:8]
    table = table_of(*columns, words=("class",))
    for row in rows[:_SHOWN]:
        table.add_row(*(f"{row[name]:.4g}" if isinstance(row[name], float) else str(row[name]) for name in columns))
    console.print(table)
    if len(rows) > _SHOWN:
        console.print(f"... and {len(rows) - _SHOWN:,} more; --output FILE or --json has all", highlight=False)
