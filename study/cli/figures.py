"""Commands that draw for paper: plot, one figure by its name; figures, all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study.cli.app import Directory, Modules, app, console, errors, written
from trainables.errors import StudyError, not_one_of

if TYPE_CHECKING:
    from analysis import Study, Subject

FORMATS = ("pdf", "svg", "png")
_FOLDER = "figures"


class Over(StrEnum):
    """What counts as progress of a search."""

    trials = "trials"
    train_seconds = "train_seconds"
    wall_seconds = "wall_seconds"


Objectives = Annotated[
    str | None, typer.Option(help="A score and a count with a comma, e.g. accuracy,macs; the study's if not given.")
]
Width = Annotated[str | None, typer.Option(help="column, page (of a paper) or inches; its own if not given.")]


@app.command()
def plot(
    name: Annotated[str, typer.Argument(metavar="NAME", help="One of `study list figures`.")],
    directory: Directory,
    output: Annotated[
        Path | None, written("A .pdf, .svg or .png file; all three in DIR/report/figures if not given.")
    ] = None,
    objectives: Objectives = None,
    method: Annotated[str | None, typer.Option(help="Of a figure of one method; the first with a front.")] = None,
    trial: Annotated[str | None, typer.Option(help="Of a figure of one trial; the best on the method's front.")] = None,
    over: Annotated[Over, typer.Option(help="What counts as progress.")] = Over.trials,
    width: Width = None,
    modules: Modules = None,
) -> None:
    """One figure for a paper, by its name: PDF, SVG with real text, PNG."""
    import analysis

    if name not in analysis.drawables():
        raise not_one_of("figure", name, analysis.drawables())
    study = analysis.load(directory)
    subject = _subject(study, objectives, width, name == "boundary")
    subject = replace(subject, method=method, trial=trial, over=over.value)
    files = [output] if output else [_folder(study) / f"{name}.{suffix}" for suffix in FORMATS]
    _save(study, name, subject, files)
    for file in files:
        console.print(str(file), highlight=False, soft_wrap=True)


@app.command()
def figures(
    directory: Directory,
    whole: Annotated[bool, typer.Option("--all", help="For every method and count, not the first of them.")] = False,
    output: Annotated[Path | None, written("The folder; DIR/report/figures if not given.")] = None,
    formats: Annotated[str, typer.Option("--format", help="With commas.")] = ",".join(FORMATS),
    width: Width = None,
    modules: Modules = None,
) -> None:
    """Every figure that a study has something for, as files for a paper; and why others were not drawn."""
    import analysis

    chosen = formats.split(",")
    for suffix in chosen:
        if suffix not in FORMATS:
            raise not_one_of("--format", suffix, FORMATS)
    study = analysis.load(directory)
    subject = _subject(study, None, width, boundaries=True)
    folder = output or _folder(study)
    drawn, left_out = list[str](), dict[str, list[str]]()
    for file, name, of in analysis.every(study, subject):
        if name in drawn and not whole:
            continue
        try:
            _save(study, name, of, [folder / f"{file if whole else name}.{suffix}" for suffix in chosen])
            drawn.append(name)
        except StudyError as error:
            left_out.setdefault(name, []).append(str(error))
    console.print(f"{len(drawn)} figures ({', '.join(chosen)}) in {folder}", highlight=False, soft_wrap=True)
    for name in analysis.drawables():
        reasons = left_out.get(name, ["no method has such trials"])
        if name not in drawn or (whole and name in left_out):
            more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
            console.print(f"no {name}{more}: {reasons[0]}", markup=False, highlight=False, soft_wrap=True, style="dim")


def _subject(study: Study, objectives: str | None, width: str | None, boundaries: bool) -> Subject:
    import analysis
    from study.cli.boundaries import boundaries as asked

    inches: str | float | None = width
    if width is not None and width.replace(".", "", 1).isdigit():
        inches = float(width)
    names = tuple(objectives.split(",")) if objectives else None
    found = {}
    if boundaries:
        try:
            found = dict(asked(study.directories))
        except (StudyError, OSError, ImportError) as error:
            said = f"No decision boundaries: {error}"
            errors.print(said, style="yellow", markup=False, highlight=False, soft_wrap=True)
    return analysis.Subject(objectives=names, width=inches, boundaries=found)


def _save(study: Study, name: str, subject: Subject, files: Sequence[Path]) -> None:
    import analysis

    figure = analysis.draw(study, name, subject)
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        analysis.save(figure, file)


def _folder(study: Study) -> Path:
    from study.directory import REPORT

    (place,) = study.directories.values()
    return place.local / REPORT / _FOLDER if place.local is not None else Path(_FOLDER)
