"""Commands that train and watch: run, resume, extend, retry, status, dashboard."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from study.cli import durations, failures, jobs, plan
from study.cli.app import Directory, Json, Modules, app, console, errors, table_of
from trainables.errors import StudyError

if TYPE_CHECKING:
    from study.api import Result, Status
    from study.config import StudyConfig
    from study.directory import StudyDirectory

BROKEN = 1
_WATCH_SECONDS = 2.0

Timeout = Annotated[
    str | None, typer.Option(metavar="TIME", help="Stop after this time, e.g. 2h or 90m; `study resume` goes on.")
]

Address = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="ADDRESS", help="A running Ray cluster: auto, or its head's HOST:PORT; here, if not given."
    ),
]

Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key, e.g. --set trials=16.")
]


@app.command()
def run(
    study: Annotated[
        str, typer.Argument(metavar="NAME_OR_FILE", help="A preset (`study list presets`) or a YAML file.")
    ],
    settings: Settings = None,
    output: Annotated[str | None, typer.Option(help="The study directory; runs/NAME if not given.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and show what would run.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --dry-run: JSON for programs.")] = False,
    timeout: Timeout = None,
    address: Address = None,
) -> None:
    """Run a study to its end: search every method, keep every result, draw the front."""
    from study import api

    plan.json_only_for_dry_runs(as_json, dry_run)
    limit = _seconds(timeout)
    load = partial(api.load_config, study, _there(settings, address))
    config = load(names=dry_run)
    directory = api.fresh_directory(config, output)
    if dry_run:
        plan.show_plan(config, directory, as_json)
        return
    _launch(config, directory, limit, check=load)  # its names need torch, which Ray needs not wait for


@app.command()
def resume(
    directory: Annotated[
        str, typer.Argument(metavar="DIRECTORY|JOB", help="A study directory: a path or a URI; or the id of a job.")
    ],
    file: Annotated[
        Path | None,
        typer.Argument(help="The study's YAML, where it has changed: its budget, its resources, its notes."),
    ] = None,
    settings: Settings = None,
    modules: Modules = None,
    timeout: Timeout = None,
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            metavar="ADDRESS",
            help="A running Ray cluster (auto, HOST:PORT), or http://HEAD:8265 to go on as a job there.",
        ),
    ] = None,
    working_dir: jobs.WorkingDir = None,
    requirements: jobs.Requirements = None,
    variables: jobs.Variables = None,
    follow: jobs.Follow = False,
) -> None:
    """Go on with a study that was stopped, wherever and however it was stopped."""
    from study import api
    from study.config import to_go_on
    from study.directory import StudyDirectory

    if jobs.there(directory, address):
        shipment = (working_dir, requirements, variables or ())
        jobs.resume_there(directory, address, settings or (), shipment, follow)
        return
    settings = _there(settings, address)
    place = StudyDirectory(directory)
    if file is None or not place.exists():
        _launch(to_go_on(place, settings), place, _seconds(timeout))
    else:
        _launch(api.load_config(file, settings), place, _seconds(timeout))


@app.command()
def extend(
    directory: Directory,
    trials: Annotated[int, typer.Option(min=1, help="Trials of each method from now on, those there are included.")],
    settings: Settings = None,
    modules: Modules = None,
    timeout: Timeout = None,
) -> None:
    """Go on with a larger budget; what is there counts."""
    from study import api
    from study.directory import StudyDirectory

    place = StudyDirectory(directory)
    _launch(api.extended(place, trials, settings or ()), place, _seconds(timeout))


@app.command()
def retry(
    directory: Directory,
    method: Annotated[str | None, typer.Option(help="Only the trials of this method.")] = None,
    settings: Settings = None,
    modules: Modules = None,
    timeout: Timeout = None,
) -> None:
    """Train failed trials again, once what they failed of is put right; complete ones stay as they are."""
    from study import api
    from study.directory import StudyDirectory

    place = StudyDirectory(directory)
    config = api.retriable(place, method, settings or ())
    limit = _seconds(timeout)
    with api.rehearsed(config, lambda: _rehearse(config, place)):  # as long as what is wrong is wrong nothing changes
        trials = api.take_back(config, place, method)
        console.print(f"{trials} trials are trained again")
        _conduct(config, place, limit)


def _there(settings: list[str] | None, address: str | None) -> list[str]:
    """The changes of settings, the address of the cluster among them."""
    if jobs.is_server(address):
        raise StudyError(f"--address: {address} is a job server; expected auto or HOST:PORT here, or `study submit`")
    return [*(settings or ()), *([f"resources.address={address}"] if address else [])]


def _seconds(timeout: str | None) -> float | None:
    return None if timeout is None else durations.seconds("--timeout", timeout)


def _launch(
    config: StudyConfig,
    directory: StudyDirectory,
    timeout: float | None = None,
    check: Callable[[], object] = lambda: None,
) -> None:
    from study import api

    def rehearse() -> None:
        check()
        _rehearse(config, directory)

    with nullcontext() if api.spent(config, directory) else api.rehearsed(config, rehearse):
        _conduct(config, directory, timeout)


def _rehearse(config: StudyConfig, directory: StudyDirectory) -> None:
    try:
        plan.show_notes(plan.rehearsed(config))
    except ConnectionError as error:
        _stop(f"Ray cannot be reached: {error}", BROKEN, directory)


def _conduct(config: StudyConfig, directory: StudyDirectory, timeout: float | None = None) -> None:
    from study import api
    from study.running import Metrics, Monitor, display, duration

    title = f"[bold]{config.name}[/bold] in {directory.path()}; watch it with `study status` or `study dashboard`"
    try:
        volume = _hypervolume(config)
        metrics = Metrics(config, volume)
        with display(console, volume, title) as listener:

            def told(monitor: Monitor) -> None:
                listener(monitor)
                metrics(monitor)

            result = api.conduct(config, directory, told, timeout, own_process=True)
    except ConnectionError as error:
        _stop(f"Ray cannot be reached: {error}", BROKEN, directory)
    except OSError as error:
        if failures.exit_code(error) != BROKEN:
            raise
        _stop(f"{directory.path()} cannot be used: {failures.message(error)}", BROKEN, directory)
    for warning in result.warnings:
        errors.print(f"study: {warning}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    if result.stopped:
        finished = f"; {result.finished} of {result.budget} trials are finished and nothing is lost"
        _stop(f"{result.stopped}{finished if result.then else ''}", result.exit_code, directory, result.then)
    console.print(f"{result.finished} trials in {duration(result.seconds)}")
    _conclude(result)


def _stop(why: str, exit_code: int, directory: StudyDirectory, then: str = "resume") -> NoReturn:
    go_on = {"retry": "Once that is put right, go on with", "resume": "Go on with"}
    message = f"study: {why}" + (f". {go_on[then]}:\n  study {then} {directory.path()}" if then else "")
    errors.print(message, style="yellow", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(exit_code)


def _hypervolume(config: StudyConfig) -> Any:
    """The hypervolume of rows, for the display: against the dense network, as the tables have it."""

    def volume(rows: list[Any], objectives: tuple[str, ...]) -> float | None:
        import pandas as pd

        import analysis

        return analysis.hypervolume(pd.DataFrame(rows), objectives) if rows else None

    return volume


def _conclude(result: Result) -> None:
    """The table, and a figure for every pair of objectives with a score."""
    import analysis
    from study.directory import REPORT, REPORT_TABLE

    config, directory = result.config, result.directory
    trials = analysis.load(directory.location).trials
    if result.failed == result.finished:
        raise StudyError(f"all {result.failed} trials failed; the first: {trials['reason'].iloc[0]}")
    table = analysis.summary(trials, config.objectives)
    console.print(table)
    stopped, shared = trials[trials["status"] == "STOPPED"], int(trials["shared_epochs"].sum())
    saved = sum(map(config.epochs_saved, stopped["method"], stopped["epochs"]))
    _show_epochs(int(trials["epochs"].sum()) - shared, int(saved) + shared)
    _show_repeats(int(trials["repeats"].notna().sum()))
    if directory.local is None or len(config.objectives) < 2:
        return
    report = directory.local / REPORT
    report.mkdir(exist_ok=True)
    (report / REPORT_TABLE).write_text(table.markdown())
    first, *others = config.objectives
    console.print("\nFigures and table:")
    for other in others:
        figure = analysis.front_figure(analysis.front_data(trials, (first, other)))
        for suffix in ("png", "svg"):
            console.print(f"  {analysis.save(figure, report / f'{first}-{other}.{suffix}')}")
    console.print(f"  {report / REPORT_TABLE}")


@app.command()
def status(
    directory: Directory,
    as_json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Again every 2 s, until nobody works on it any more.")] = False,
) -> None:
    """How far a study is: trials finished, in flight and failed, per method."""
    from study import api
    from study.directory import StudyDirectory, driver_of

    store = StudyDirectory(directory).store
    while True:
        working = driver_of(store) is not None  # asked first: what it does last is shown
        found = api.status(directory)
        if as_json:
            typer.echo(json.dumps(asdict(found), indent=None if watch else 2))
        else:
            if watch and console.is_terminal:
                console.clear()
            _show(found)
        if not (watch and working):
            return
        time.sleep(_WATCH_SECONDS)


def _show(found: Status) -> None:
    table = table_of("method", "finished", "in flight", "failed", "budget")
    for name, counts in found.methods.items():
        table.add_row(name, *map(str, (counts.finished, counts.in_flight, counts.failed, counts.budget)))
    console.print(table)
    console.print(f"{found.finished} of {found.budget} trials are finished, {found.state}")
    _show_epochs(found.epochs, found.epochs_saved)
    _show_repeats(found.repeats)
    for pack, at in found.training.items():
        ago = at.seconds_since_progress
        console.print(f"  {pack}: {at.fraction:.0%}, came further {ago:.0f} s ago", highlight=False)
    if found.broke_off and not found.training:
        again = f"{found.broke_off} trials failed before their end; train them again with"
        console.print(f"{again}\n  study retry {found.directory}", style="yellow", highlight=False, soft_wrap=True)
    if damaged := len(found.damaged):
        files = "1 damaged file is" if damaged == 1 else f"{damaged} damaged files are"
        message = f"{files} left out, the trials in them count as in flight; see\n  study doctor {found.directory}"
        console.print(message, style="yellow", markup=False, highlight=False, soft_wrap=True)


def _show_epochs(spent: int, saved: int) -> None:
    if saved:
        how = "by stopping early and sharing beginnings"
        console.print(f"{spent:,} epochs trained, {saved:,} saved {how}", highlight=False)


def _show_repeats(count: int) -> None:
    if count:
        how = "train candidates for the front again, with other seeds"
        console.print(f"{count:,} of the trials {how}", highlight=False)


@app.command()
def dashboard(
    directory: Directory,
    port: Annotated[int, typer.Option(help="Port of the page.")] = 8080,
    host: Annotated[str, typer.Option(help="Address it listens on.")] = "127.0.0.1",
) -> None:
    """Optuna's dashboard on the study, live while it runs."""
    from study.directory import JOURNAL, StudyDirectory

    place = StudyDirectory(directory)
    place.config()
    journal = place.local / JOURNAL if place.local else None
    if journal is None or not journal.exists():
        raise StudyError(f"expected Optuna's journal at {place.path(JOURNAL)}; only local studies have one")
    command = ["optuna-dashboard", str(journal), "--host", host, "--port", str(port)]
    raise typer.Exit(subprocess.call([str(Path(sys.executable).with_name(command[0])), *command[1:]]))
