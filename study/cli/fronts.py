"""Commands that look at results: pareto, table, report, compare."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from study.cli.app import Directory, Json, Modules, app, console, errors, table_of, wide, written
from trainables.errors import StudyError

if TYPE_CHECKING:
    from analysis import Boundaries, Study, Table

Batch = Annotated[int | None, typer.Option(min=1, help="Of the latencies, where several were measured.")]
Directories = Annotated[list[str], typer.Argument(help="Study directories: paths or object-store URIs.")]


class Format(StrEnum):
    """How a table is written."""

    latex = "latex"
    markdown = "markdown"
    csv = "csv"


@app.command()
def pareto(
    directory: Directory,
    objectives: Annotated[
        str | None, typer.Option(help="Names with commas, e.g. accuracy,macs; the study's if not given.")
    ] = None,
    batch: Batch = None,
    as_json: Json = False,
    csv: Annotated[Path | None, written("Write the front's trials to this file.")] = None,
    plot: Annotated[Path | None, written("Draw the front into this .svg, .png or .pdf file.")] = None,
    summary: Annotated[bool, typer.Option("--summary", help="A line per method instead: how far each got.")] = False,
) -> None:
    """The non-dominated trials with their parameters: a table, JSON, CSV or a figure."""
    import analysis
    from study.cli.trials import listing

    study = analysis.load(directory, batch=batch)
    names = tuple(objectives.split(",")) if objectives else study.objectives
    front = analysis.pareto(study.trials, names)
    if as_json:
        typer.echo(front.to_json(orient="records", indent=2, date_format="iso"))
    if csv:
        csv.parent.mkdir(parents=True, exist_ok=True)
        csv.write_text(front.to_csv(index=False))
        console.print(f"{len(front)} trials of the front in {csv}")
    if plot:
        figure = analysis.front_figure(analysis.front_data(study.trials, names, published=study.published))
        console.print(f"The front in {analysis.save(figure, plot)}")
    if summary:
        console.print(analysis.summary(study.trials, names))
    if not (as_json or csv or plot or summary):
        if front.empty:
            wanted = f"complete trials with {', '.join(names)}"
            raise StudyError(f"expected {wanted} in {directory}, but there are none; see `study status {directory}`")
        wide(listing(front, study.trials, names))


@app.command()
def table(
    directories: Directories,
    at_compression: Annotated[
        str | None, typer.Option(metavar="RATIOS", help="The score at these compression ratios, e.g. 2,4,8.")
    ] = None,
    at_drop: Annotated[
        str | None, typer.Option(metavar="DROPS", help="The compression at these losses in points or %, e.g. 0.5,1,2.")
    ] = None,
    at_budget: Annotated[
        str | None, typer.Option(metavar="NUMBERS", help="What so many trials of each method would give, e.g. 4,16,64.")
    ] = None,
    targets: Annotated[
        bool, typer.Option("--targets", help="The compressions asked for (`target`), beside what was reached.")
    ] = False,
    count: Annotated[
        str | None, typer.Option(help="What is compressed, e.g. macs; the study's first if not given.")
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="For a paper; a table for the terminal if not given.")
    ] = None,
    output: Annotated[Path | None, written("Write it to this .tex, .md or .csv file.")] = None,
) -> None:
    """Tables for a paper: per method at given compression ratios or accuracy drops, mean and spread over searches."""
    import analysis

    if sum(map(bool, (at_compression, at_drop, at_budget, targets))) > 1:
        raise StudyError("expected one of --targets, --at-compression, --at-drop and --at-budget, but got several")
    study = analysis.load(*directories)
    analysis.check_replicates(study.configs)
    score, counts = analysis.measured(study.trials, study.objectives)
    names = {"score": score.name, "count": count or counts[0].name}
    if at_compression:
        found = analysis.score_at_compression(study.trials, _numbers("--at-compression", at_compression), **names)
    elif at_budget:
        numbers = [int(number) for number in _numbers("--at-budget", at_budget) if number >= 1]
        found = analysis.budget_table(study.trials, numbers, **names)
    elif targets:
        asked: Mapping[str, str] = next(
            (config["target"] for config in study.configs.values() if config.get("target")), {}
        )
        found = analysis.target_table(study.trials, score=score.name, count=count or asked.get("of", "parameters"))
    elif at_drop:
        drops = [drop / 100 for drop in _numbers("--at-drop", at_drop)]
        found = analysis.compression_at_drop(study.trials, drops, **names)
    else:
        found = analysis.summary(study.trials, (names["score"], names["count"]))
    _show(found, form, output)


def _numbers(option: str, text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise StudyError(f"expected numbers with commas for {option}, e.g. 1,2,4, but got {text!r}")
    return numbers


def _show(found: Table, form: Format | None, output: Path | None) -> None:
    if output:
        console.print(f"The table in {found.write(output)}")
    if form:
        typer.echo(getattr(found, form.value)(), nl=False)
    if not (form or output):
        console.print(found)


@app.command()
def report(
    directories: Directories,
    output: Annotated[
        Path | None,
        written("The HTML file; DIR/report/report.html, or ./report.html for several studies."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep the page current until the studies have spent their budgets.")
    ] = False,
    every: Annotated[float, typer.Option(min=1, help="With --watch: seconds between two looks.")] = 15.0,
    points: Annotated[int, typer.Option(min=0, help="Dominated trials to draw at most; fronts are whole.")] = 5000,
    batch: Batch = None,
    modules: Modules = None,
) -> None:
    """One HTML page with everything that was found: figures, tables, failures, how it was run, and an audit."""
    import analysis

    study = analysis.load(*directories, batch=batch)
    path = output or _page_of(study)
    if not watch:
        path = analysis.write_page(study, path, limit=points, boundaries=_boundaries(study))
        console.print(f"The report in {path} ({path.stat().st_size / 1e6:.1f} MB); open it in any browser")
        return
    console.print(f"Keeping {path} current; Ctrl-C ends that, not the study")

    def tell(written: Path, finished: int, budget: int) -> None:
        console.print(f"{finished} of {budget} trials in {written}")

    how: dict[str, Any] = {"seconds": every, "limit": points, "batch": batch}
    analysis.keep_current(directories, path, boundaries=_boundaries, listener=tell, **how)


def _boundaries(study: Study) -> Boundaries:
    """Networks or data that cannot be had are no reason to have no report."""
    from study.cli.boundaries import boundaries

    try:
        return boundaries(study.directories)
    except (StudyError, OSError, ImportError) as error:
        errors.print(f"No decision boundaries: {error}", style="yellow", markup=False, highlight=False, soft_wrap=True)
        return {}


def _page_of(study: Study) -> Path:
    from study.directory import REPORT, REPORT_PAGE

    places = [directory.local for directory in study.directories.values()]
    if len(places) == 1 and places[0] is not None:
        return places[0] / REPORT / REPORT_PAGE
    return Path(REPORT_PAGE)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="A study directory.")],
    second: Annotated[str, typer.Argument(help="The study directory to compare it with.")],
    form: Annotated[
        Format | None, typer.Option("--format", help="For a paper; a table for the terminal if not given.")
    ] = None,
    output: Annotated[Path | None, written("Write the table to this .tex, .md or .csv file.")] = None,
) -> None:
    """Two studies side by side: the settings that differ, and what each method reached in both."""
    import analysis

    study = analysis.load(first, second)
    if form is None:
        _show_settings(list(study.configs), analysis.settings_that_differ(*study.configs.values()).to_numpy().tolist())
    _show(analysis.compare(study), form, output)


def _show_settings(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        console.print("Both were run with the same settings.\n")
        return
    settings = table_of("setting", *names, words=names)
    for row in rows:
        settings.add_row(*map(escape, row))
    console.print(settings)
    console.print()
