"""study predict: what an exported network says of each row of a table, or each image of a folder."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from study.cli.app import Json, app, console, errors, table_of
from trainables.errors import StudyError

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.deploy import Export

_SHOWN = 20
"""Answers on the terminal; --output and --json have all."""

_BATCH = 512


@app.command()
def predict(
    network: Annotated[Path, typer.Argument(help="A network that `study export` wrote.")],
    file: Annotated[Path, typer.Argument(help="A CSV or Parquet file, an image, or a folder of images.")],
    output: Annotated[Path | None, typer.Option(help="Write the answers to this CSV file.")] = None,
    as_json: Json = False,
) -> None:
    """What a network says of each row of a table or each image: the class and its probability, or the number."""
    from trainables.deploy import load, strangers

    if not file.exists():
        raise StudyError(f"{file}: there is no such file or folder")
    found = load(network)
    names, raw = _examples(found.card, file)
    for line in strangers(found.card, raw):
        errors.print(f"study: {line}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    rows = _answers(found, names, raw)
    if output is not None:
        output.write_text(_as_csv(rows), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if output is None:
        _show(rows)
    where = f" in {output}" if output else ""
    console.print(f"{len(rows):,} answers of {network.name}{where}", soft_wrap=True, highlight=False)


def _examples(card: dict[str, Any], file: Path) -> tuple[Sequence[str | int], Tensor]:
    """What each example is called, and the raw examples."""
    from trainables.data import images_of, rows_of

    shape, kind = tuple(card["input_shape"]), card["preprocessing"]["raw"]
    if kind == "uint8" and len(shape) == 3:
        if file.suffix in (".csv", ".parquet"):
            raise StudyError(f"{file}: expected an image or a folder of images, which the network reads")
        options = card.get("data", {})
        return images_of(file, shape, options.get("size"), options.get("resize"))
    if kind != "float32" or file.is_dir():
        numbers = " x ".join(map(str, shape))
        raise StudyError(f"{file}: expected a CSV or Parquet file with the {numbers} numbers of a row")
    raw = rows_of(file, card.get("contract", {}).get("columns", ()), math.prod(shape))
    return range(len(raw)), raw.view(-1, *shape)


def _answers(network: Export, names: Sequence[str | int], raw: Tensor) -> list[dict[str, Any]]:
    import torch

    card = network.card
    with torch.no_grad():
        output = torch.cat([network.predict(batch).flatten(1) for batch in torch.split(raw, _BATCH)])
    key = "row" if isinstance(names, range) else "file"
    rows: list[dict[str, Any]] = [{key: name} for name in names]
    if card["task"] == "classification":
        shares = output.double().softmax(1)
        for row, share in zip(rows, shares, strict=True):
            best = int(share.argmax())
            row |= {"class": card["classes"][best], "probability": float(share[best])}
            row["probabilities"] = dict(zip(card["classes"], share.tolist(), strict=True))
        return rows
    label = card.get("contract", {}).get("label") or "output"
    targets = [label] if card["outputs"] == 1 else [f"{label}_{i}" for i in range(card["outputs"])]
    for row, values in zip(rows, output.tolist(), strict=True):
        row |= dict(zip(targets, values, strict=True))
    return rows


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
