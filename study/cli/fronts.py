"""Commands that look at results: pareto."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from study.cli.app import Directory, Json, app, console


@app.command()
def pareto(
    directory: Directory,
    objectives: Annotated[
        str | None, typer.Option(help="Names with commas, e.g. accuracy,macs; the study's if not given.")
    ] = None,
    as_json: Json = False,
    csv: Annotated[Path | None, typer.Option(help="Write the front's trials to this file.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the front into this .svg, .png or .pdf file.")] = None,
) -> None:
    """The non-dominated trials: a table, JSON, CSV or a figure."""
    import analysis

    study = analysis.load(directory)
    names = tuple(objectives.split(",")) if objectives else tuple(next(iter(study.configs.values()))["objectives"])
    front = analysis.pareto(study.trials, names)
    if as_json:
        typer.echo(front.to_json(orient="records", indent=2, date_format="iso"))
    if csv:
        front.to_csv(csv, index=False)
        console.print(f"{len(front)} trials of the front in {csv}")
    if plot:
        figure = analysis.front_figure(analysis.front_data(study.trials, names))
        console.print(f"The front in {analysis.save(figure, plot)}")
    if not (as_json or csv or plot):
        console.print(analysis.summary(study.trials, names))
