"""Commands to a study that runs, from another terminal: stop, logs."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, cast

import typer

from study.cli import jobs
from study.cli.app import Json, app, console, errors
from trainables.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from study.directory import Event, StudyDirectory

_PATIENCE_SECONDS = 30.0
_FOLLOW_SECONDS = 2.0

DirectoryOrJob = Annotated[
    str, typer.Argument(metavar="DIRECTORY|JOB", help="A study directory, or the id of a job (`study submit`).")
]


@app.command()
def stop(directory: DirectoryOrJob, address: jobs.JobAddress = None) -> None:
    """Stop a study that runs, here or elsewhere, as Ctrl-C does: nothing is lost, `study resume` goes on."""
    from study import api
    from study.directory import StudyDirectory, driver_of

    if jobs.there(directory, address):
        jobs.stop_there(directory, address)
        return
    place = StudyDirectory(directory)
    place.config()  # says what is there instead, if it is no study
    driver = driver_of(place.store)
    if driver is None:
        console.print(f"Nobody is at work on {place.path()}", highlight=False, soft_wrap=True)
        return
    console.print(f"Asking {driver} to stop", highlight=False, soft_wrap=True)
    if api.stop(place, _PATIENCE_SECONDS):
        console.print(f"Stopped. Go on with:\n  study resume {place.path()}", highlight=False, soft_wrap=True)
        return
    errors.print(
        f"study: it has not stopped within {_PATIENCE_SECONDS:.0f} s: {driver.account}", style="yellow", markup=False
    )
    raise typer.Exit(1)


@app.command()
def logs(
    directory: DirectoryOrJob,
    trial: Annotated[str | None, typer.Argument(metavar="[TRIAL]", help="Only what is about this trial.")] = None,
    as_json: Json = False,
    address: jobs.JobAddress = None,
    follow: jobs.Follow = False,
) -> None:
    """What happened: events of all runs, warnings, why trials failed, the stacks of workers that hung.

    Of a job: what it has printed. With --json and --follow: events only, a line of JSON each, as they happen.
    """
    from study import api
    from study.directory import StudyDirectory, find_trial

    if jobs.there(directory, address):
        from study.cluster import Jobs

        jobs.show(Jobs(address), directory, follow)
        return
    place = StudyDirectory(directory)
    if follow and trial is not None:
        raise StudyError("--follow: expected a study or a job, but got a trial")
    if follow and as_json:
        place.config()  # says what is there instead, if it is no study
        _follow(place, 0, lambda event: typer.echo(json.dumps(event, ensure_ascii=False)))
        return
    found = api.logs(place, trial)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
        return
    for event in found.events:
        _line(cast("Event", event))
    if trial is not None:
        for reason in found.failures.values():
            said = f"\n{trial} {find_trial(place, trial).status}:\n{reason}"
            console.print(said, markup=False, highlight=False, soft_wrap=True)
    else:
        _failures(place, found.failures)
    for name, text in found.stacks.items():
        console.print(f"\n{place.path(name)}:\n{text}", markup=False, highlight=False, soft_wrap=True)
    if not (found.events or found.failures or found.stacks):
        console.print("Nothing has been written down.")
    if follow:
        _follow(place, len(found.events), _line)


def _line(event: Event) -> None:
    at = datetime.fromtimestamp(event["at"], UTC)
    line = f"{at:%Y-%m-%d %H:%M:%S} UTC  {event['kind']:<8}  {event['message']}"
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _follow(place: StudyDirectory, shown: int, tell: Callable[[Event], None]) -> None:
    """Events after the first ``shown``, as they happen, until nobody works on the study."""
    from study.directory import driver_of, events

    while True:
        working = driver_of(place.store) is not None  # asked first: what it does last is told
        new = events(place.store)[shown:]
        for event in new:
            tell(event)
        shown += len(new)
        if not working:
            return
        time.sleep(_FOLLOW_SECONDS)


def _failures(place: StudyDirectory, failures: dict[str, str]) -> None:
    """The failures by their last lines, which tell the kind of error, the most frequent first."""
    last = {trial: reason.strip().splitlines()[-1] for trial, reason in failures.items()}
    for line, count in Counter(last.values()).most_common():
        example = next(trial for trial, said in last.items() if said == line)
        trials = f"{count} trials, such as {example}" if count > 1 else example
        console.print(f"\n{trials}: {line}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"  in full: study logs {place.path()} {example}", markup=False, highlight=False, soft_wrap=True)
