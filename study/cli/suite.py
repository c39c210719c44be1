"""The command for several studies at once: suite."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study.cli import plan
from study.cli.app import Json, app, console, errors, table_of
from study.cli.runs import Settings
from trainables.errors import StudyError

if TYPE_CHECKING:
    from analysis import Table
    from study.config import Suite


@app.command()
def suite(
    file: Annotated[str, typer.Argument(metavar="NAME_OR_FILE", help="A suite's YAML, or small_suite.")],
    settings: Settings = None,
    output: Annotated[
        str | None, typer.Option(help="The directory of the studies' directories; runs/SUITE if not given.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Rehearse every study and start nothing.")] = False,
    show: Annotated[bool, typer.Option("--status", help="How far each study is, nothing more.")] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Tables and figures of what is there, nothing more.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Several data sets and networks by the same methods: run or resume them all, then ranks and tests over them."""
    from study import api

    if sum((dry_run, show, report)) > 1:
        raise StudyError("expected one of --dry-run, --status and --report, but got several")
    found = api.load_suite(file, settings or ())
    for name, missing in found.left_out.items():
        errors.print(f"{name} is left out: {missing}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    if dry_run:
        _show_plan(found, output, as_json)
    elif show:
        _show_status(found, output, as_json)
    elif report:
        _report(found, output, as_json)
    else:
        _run(found, output, as_json)


def _run(found: Suite, output: str | None, as_json: bool) -> None:
    from study import api

    def tell(name: str, place: object) -> None:
        errors.print(f"[bold]{name}[/bold] of {found.name}", highlight=False)

    results = api.run_suite(found, output, progress=not as_json, listener=tell)
    last = next(reversed(results.values()))
    if last.stopped:
        said = f"study: {last.stopped}. Nothing is lost; the same command goes on"
        errors.print(said, style="yellow", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(last.exit_code)
    _report(found, output, as_json)


def _show_plan(found: Suite, output: str | None, as_json: bool) -> None:
    from study import api

    places = api.places(found, output)
    rehearsals = {}
    for name, config in found.studies.items():
        try:
            rehearsals[name] = plan.rehearsed(config)
        except StudyError as error:
            raise StudyError(f"sets.{name}: {error}") from error
    if as_json:
        sets = {
            name: {"directory": places[name].path(), "trials": plan.budgets(found.studies[name])} | one.to_dict()
            for name, one in rehearsals.items()
        }
        typer.echo(json.dumps({"suite": found.name, "sets": sets, "left_out": dict(found.left_out)}, indent=2))
        return
    console.print(f"[bold]{found.name}[/bold] would run {len(rehearsals)} studies; nothing was started.\n")
    table = table_of("set", "examples", "network", "neurons", "trials", "hours", words=("network",))
    for name, one in rehearsals.items():
        trials = sum(plan.budgets(found.studies[name]).values())
        rows = f"{sum(one.data.splits.values()):,}"
        table.add_row(name, rows, one.network.name, f"{one.network.neurons:,}", f"{trials:,}", f"{one.hours:.2g}")
    console.print(table)


def _show_status(found: Suite, output: str | None, as_json: bool) -> None:
    from study import api

    states = api.suite_status(found, output)
    if as_json:
        sets = {name: asdict(one) for name, one in states.items()}
        typer.echo(json.dumps({"suite": found.name, "sets": sets, "left_out": dict(found.left_out)}, indent=2))
        return
    table = table_of("set", "finished", "failed", "budget", "state", words=("state",))
    for name, one in states.items():
        table.add_row(name, str(one.finished), str(one.failed), str(one.budget), one.state)
    console.print(table)


def _by_method(ranked: Table) -> Table:
    """The ranks alone, a line for each method: what a terminal has room for."""
    import pandas as pd

    import analysis

    frame, titles = ranked.frame.set_index("set"), {column.key: column.heading for column in ranked.columns}
    methods = [str(name).removesuffix("_rank") for name in frame if str(name).endswith("_rank")]
    lines = [{"method": titles[name], **frame[f"{name}_rank"].to_dict()} for name in methods]
    ordered = pd.DataFrame(lines).sort_values("average rank", kind="stable", ignore_index=True)
    columns = [analysis.Column("method", "method", str)]
    columns += [analysis.Column(str(name), str(name), ".2g") for name in frame.index]
    return analysis.Table(ordered, tuple(columns), f"By average rank. {ranked.caption}")


def _report(found: Suite, output: str | None, as_json: bool) -> None:
    """Ranks, wins and tests over the studies that are there, and their figures in the suite's report folder."""
    import analysis
    from study import api
    from study.directory import REPORT, REPORT_PAGE

    there = [place for place in api.places(found, output).values() if place.exists()]
    if len(there) < 2:
        raise StudyError(f"expected two studies of {found.name} or more that have begun, but there are {len(there)}")
    study = analysis.load(*(place.location for place in there))
    ranked = analysis.rank_table(study)
    pruning = [name for name in ("magnitude", "random") if name in analysis.scores_over_sets(study)]
    wins = analysis.wins_table(study, pruning) if pruning else None
    if as_json:
        whole = {"suite": found.name, "ranks": ranked.frame.to_dict("records"), "caption": ranked.caption}
        typer.echo(json.dumps(whole | {"wins": wins.frame.to_dict("records") if wins else []}, indent=2, default=float))
    else:
        console.print(_by_method(ranked))
        if wins:
            console.print()
            console.print(wins)
    if there[0].local is None:
        return
    folder = there[0].local.parent / REPORT
    folder.mkdir(exist_ok=True)
    (folder / "ranks.md").write_text(ranked.markdown())
    ranks = analysis.ranks_figure(analysis.ranks_data(analysis.scores_over_sets(study)))
    fronts = analysis.fronts_over_sets_figure(analysis.fronts_over_sets_data(study))
    written: list[Path] = []
    for name, figure in (("ranks", ranks), ("fronts", fronts)):
        written += [analysis.save(figure, folder / f"{name}.{suffix}") for suffix in ("pdf", "svg", "png")]
    page = analysis.write_suite_page(study, folder / REPORT_PAGE, found.name, found.notes, found.left_out)
    if not as_json:
        console.print("\nPage, figures and table:")
        for path in (page, *written, folder / "ranks.md"):
            console.print(f"  {path}", highlight=False, soft_wrap=True)
