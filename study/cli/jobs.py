"""Studies as jobs on a Ray cluster: submit; what `logs`, `stop` and `resume` do where they are given its address."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study.cli.app import app, console, errors
from trainables.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from study.cluster import Jobs

_STOP_PATIENCE = 60.0

JobAddress = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="URL",
        help="A cluster's job server, http://HEAD:8265, of what was submitted there; or RAY_API_SERVER_ADDRESS.",
    ),
]
WorkingDir = Annotated[
    Path | None,
    typer.Option("--working-dir", help="The folder a job runs in a copy of; this one, if the study is a file in it."),
]
Requirements = Annotated[
    Path | None, typer.Option("--requirements", help="A pip requirements file, installed on the nodes for the job.")
]
Variables = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="KEY[=VALUE]", help="A variable for driver and workers; KEY alone: as it is here."),
]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Show what the job prints until it ends.")]


def is_server(address: str | None) -> bool:
    """Whether the address is one of a job server, rather than of a Ray to connect to."""
    return bool(address and address.startswith(("http://", "https://")))


def there(target: str, address: str | None) -> bool:
    """Whether a command is about a job: by its id, or because the address of a job server is given."""
    from study.cluster import is_job

    return is_job(target) or is_server(address)


@app.command()
def submit(
    study: Annotated[str, typer.Argument(metavar="NAME_OR_FILE", help="A preset or a YAML file.")],
    output: Annotated[
        str, typer.Option(help="The study directory: a URI, or an absolute path that all nodes of the cluster see.")
    ],
    address: JobAddress = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key.")] = None,
    working_dir: WorkingDir = None,
    requirements: Requirements = None,
    variables: Variables = None,
    follow: Follow = False,
) -> None:
    """Hand a study to a Ray cluster as a job: its driver lives there, and this machine may go."""
    from study import api
    from study.cluster import Jobs, Shipment, check_data, running

    check_data(api.load_config(study, settings or ()))
    if working_dir is None and Path(study).is_file():
        working_dir = Path.cwd()
    command = running(study, output, settings or (), working_dir)
    shipment = Shipment(working_dir, requirements, variables or ())
    submitted(Jobs(address), command, output, shipment.environment(), follow)


def submitted(jobs: Jobs, command: str, directory: str, environment: dict[str, object], follow: bool) -> None:
    """Hand a command over, say how to watch it, and watch it if asked."""
    from study.directory import StudyDirectory

    place = StudyDirectory(directory).path()
    job = jobs.submit(command, place, environment)
    lines = [f"Submitted {job}: {place}"]
    lines += [f"  study {verb} {job} --address {jobs.address}" for verb in ("logs -f", "stop", "resume")]
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)
    if follow:
        show(jobs, job, follow=True)


def resume_there(
    target: str,
    address: str | None,
    settings: Sequence[str],
    shipment: tuple[Path | None, Path | None, Sequence[str]],
    follow: bool,
) -> None:
    """Go on with a study as a new job."""
    from study.cluster import FINAL, Jobs, Shipment, is_job, resuming

    jobs = Jobs(address)
    directory = target
    if is_job(target):
        job = jobs.find(target)
        if job.status not in FINAL:
            raise StudyError(f"expected a job that has ended, but {target} is {job.status}")
        directory = job.directory
    submitted(jobs, resuming(directory, settings), directory, Shipment(*shipment).environment(), follow)


def show(jobs: Jobs, target: str, follow: bool) -> None:
    """A job's output; ends with its outcome as exit code once the job has ended."""
    job = jobs.find(target)
    pieces = jobs.follow(job.id) if follow else [jobs.output(job.id)]
    try:
        for piece in pieces:
            typer.echo(piece, nl=False)
    except KeyboardInterrupt:
        errors.print(f"\nstudy: {job.id} goes on", style="yellow", markup=False, highlight=False)
        raise typer.Exit(130) from None
    job = jobs.find(job.id)
    if job.status in ("FAILED", "STOPPED"):
        errors.print(f"study: {job.id} {job.status}: {job.message}", style="yellow", markup=False, highlight=False)
        raise typer.Exit(1)


def stop_there(target: str, address: str | None) -> None:
    """End a job as Ctrl-C does, and wait for its end."""
    from study.cluster import FINAL, Jobs

    jobs = Jobs(address)
    job = jobs.find(target)
    if not jobs.stop(job.id):
        console.print(f"{job.id} is {jobs.find(job.id).status}", highlight=False)
        return
    until = time.monotonic() + _STOP_PATIENCE
    while (now := jobs.find(job.id)).status not in FINAL:
        if time.monotonic() > until:
            raise TimeoutError(f"{job.id} has not ended within {_STOP_PATIENCE:.0f} s")
        time.sleep(0.2)
    again = f"study resume {job.id} --address {jobs.address}"
    console.print(f"{job.id} {now.status}. Go on with:\n  {again}", highlight=False, soft_wrap=True)
