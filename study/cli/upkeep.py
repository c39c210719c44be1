"""Commands that look after study directories: doctor, merge."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from study.cli.app import Directory, Json, app, console
from study.directory import StudyDirectory


@app.command()
def doctor(
    directory: Directory,
    fix: Annotated[bool, typer.Option("--fix", help="Repair what can be repaired.")] = False,
    as_json: Json = False,
) -> None:
    """Check a study for torn files, orphans, duplicates and zombies; exit code 1 if something is left to repair."""
    from study.directory import driver_of
    from study.doctor import examine
    from study.doctor import fix as repair

    place = StudyDirectory(directory)
    repaired = repair(place) if fix else []
    findings = examine(place)
    driver = driver_of(place.store)
    if as_json:
        found = {
            "directory": place.path(),
            "healthy": not findings,
            "driver": str(driver) if driver else None,
            "repaired": [_plain(finding) for finding in repaired],
            "findings": [_plain(finding) for finding in findings],
        }
        typer.echo(json.dumps(found, indent=2))
    else:
        for finding in repaired:
            console.print(f"{finding.kind}: {finding} [{_DONE[finding.repair]}]", markup=False, soft_wrap=True)
        for finding in findings:
            console.print(f"{finding.kind}: {finding}", markup=False, highlight=False, soft_wrap=True)
        if not findings:
            console.print(f"{place.path()} is healthy{'; a driver is at work' if driver else ''}")
        elif any(finding.repair for finding in findings):
            console.print(f"Repair what can be repaired with:\n  study doctor {place.path()} --fix")
    if findings:
        raise typer.Exit(1)


_DONE = {
    "quarantine": "set aside as .corrupt",
    "remove": "removed",
    "rewrite": "its manifest was written anew",
    "tell": "told",
    "unlock": "unlocked",
    None: "",
}


def _plain(finding: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(finding).items() if name != "zombie"}


@app.command()
def merge(
    directories: Annotated[
        list[str], typer.Argument(metavar="DIRECTORY...", help="Studies of one configuration, each with its own seed.")
    ],
    output: Annotated[str, typer.Option(help="The study directory to write.")],
    name: Annotated[str | None, typer.Option(help="The name of the study; the first one's if not given.")] = None,
) -> None:
    """Make one study of several that ran apart; the originals stay as they are."""
    from study.doctor import merge as make

    merged = make([StudyDirectory(directory) for directory in directories], StudyDirectory(output), name)
    twice = f"; {merged.doubled} trials were in more than one and are kept once" if merged.doubled else ""
    console.print(f"{merged.finished} finished trials and {merged.waiting} to be trained in {merged.location}{twice}")
