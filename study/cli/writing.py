"""Commands for writing a study: init, schema, list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from study.cli.app import Json, app, console, on_disk
from trainables.errors import StudyError


@app.command()
def init(
    file: Annotated[Path, typer.Argument(callback=on_disk, help="The file to write.")] = Path("study.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a commented study to start from."""
    from study.config import starter

    if file.exists() and not force:
        raise StudyError(f"{file} exists already; write elsewhere, or over it with --force")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(starter())
    console.print(f"Wrote {file}; check it with `study run {file} --dry-run`")


@app.command("schema")
def print_schema(
    of_suite: Annotated[bool, typer.Option("--suite", help="Of a suite's YAML (`study suite`).")] = False,
) -> None:
    """The JSON Schema of the YAML, for editors."""
    from study.config import SuiteSettings, schema

    typer.echo(json.dumps(SuiteSettings.model_json_schema() if of_suite else schema(), indent=2))


@app.command("list")
def list_names(
    kind: Annotated[str, typer.Argument(metavar="methods|models|data|presets|figures")], as_json: Json = False
) -> None:
    """What there is, with a line for each."""
    kinds = {"methods": _methods, "models": _models, "data": _data, "presets": _presets, "figures": _figures}
    if kind not in kinds:
        raise StudyError(f"expected one of {', '.join(kinds)} but got {kind!r}")
    found = kinds[kind]()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, line in found.items():
        table.add_row(f"[bold]{name}[/bold]", line)
    console.print(table)


def _methods() -> dict[str, str]:
    from trainables.declarations import declarations

    return {name: declaration.title for name, declaration in declarations().items()}


def _models() -> dict[str, str]:
    from trainables.models import MODELS

    return {name: spec.description for name, spec in MODELS.items()}


def _data() -> dict[str, str]:
    from trainables.data import DATA

    return {name: entry.summary for name, entry in DATA.items()} | _files()


def _files() -> dict[str, str]:
    """The kinds of files, with the keys that may stand beside the path."""
    from trainables.data import FORMATS

    return {kind: f"{about}; keys: {', '.join(keys)}" for kind, about, keys in FORMATS}


def _presets() -> dict[str, str]:
    from study.config import presets, suites

    return {name: path.read_text().splitlines()[0].lstrip("# ") for name, path in (presets() | suites()).items()}


def _figures() -> dict[str, str]:
    import analysis

    return {name: figure.about for name, figure in analysis.drawables().items()}
