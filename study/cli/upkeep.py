"""Commands that look after study directories: doctor, merge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from study.cli.app import Directory, Json, app, console

if TYPE_CHECKING:
    from study.doctor import Finding


@app.command()
def doctor(
    directory: Directory,
    fix: Annotated[bool, typer.Option("--fix", help="Repair what can be repaired.")] = False,
    as_json: Json = False,
) -> None:
    """Check a study for torn files, orphans, duplicates and zombies; exit code 1 if something is left to repair."""
    from study.directory import StudyDirectory, driver_of
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
            "driver": driver.account if driver else None,
            "repaired": [_plain(finding) for finding in repaired],
            "findings": [_plain(finding) for finding in findings],
        }
        typer.echo(json.dumps(found, indent=2))
    else:
        for finding in repaired:
            console.print(
                f"{finding.kind}: {finding} [{finding.repair.done if finding.repair else ''}]",
                markup=False,
                soft_wrap=True,
            )
        for finding in findings:
            console.print(f"{finding.kind}: {finding}", markup=False, highlight=False, soft_wrap=True)
        if not findings:
            console.print(f"{place.path()} is healthy{f'; {driver.account}' if driver else ''}", markup=False)
        elif any(finding.repair for finding in findings):
            console.print(f"Repair what can be repaired with:\n  study doctor {place.path()} --fix")
    if findings:
        raise typer.Exit(1)


def _plain(finding: Finding) -> dict[str, Any]:
    repair = finding.repair.name if finding.repair else None
    return {"kind": finding.kind, "path": finding.path, "message": finding.message, "repair": repair}


@app.command()
def merge(
    directories: Annotated[
        list[str], typer.Argument(metavar="DIRECTORY...", help="Studies of one configuration, each with its own seed.")
    ],
    output: Annotated[str, typer.Option(help="The study directory to write.")],
    name: Annotated[str | None, typer.Option(help="The name of the study; the first one's if not given.")] = None,
) -> None:
    """Make one study of several that ran apart; the originals stay as they are."""
    from study.directory import StudyDirectory
    from study.doctor import merge as make

    merged = make([StudyDirectory(directory) for directory in directories], StudyDirectory(output), name)
    twice = f"; {merged.doubled} trials were in more than one and are kept once" if merged.doubled else ""
    console.print(f"{merged.finished} finished trials and {merged.waiting} to be trained in {merged.location}{twice}")
