"""The command that brings back a network that was not kept: retrain."""

from __future__ import annotations

from typing import Annotated

import typer

from study.cli.app import Directory, Modules, app, console, errors


@app.command()
def retrain(
    directory: Directory,
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="As tables and figures name it: group_lasso-00012.")],
    modules: Modules = None,
) -> None:
    """Train a trial again whose network was not kept: the same numbers, checked against those it had."""
    from rich.progress import Progress

    from study import api
    from study.directory import StudyDirectory, find_trial

    place = StudyDirectory(directory)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(trial, total=1.0)
        made = api.retrain(place, trial, lambda what, share: bar.update(task, description=what, completed=share))
    if made.differences:
        for name, (then, now) in made.differences.items():
            errors.print(f"study: {name} was {then}, now {now}", markup=False, highlight=False)
        why = "its network is not the one that was measured: another version, another kind of machine or other data?"
        errors.print(f"study: {why}", style="yellow", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1)
    if made.network is None:
        row = find_trial(place, trial).row or {}
        errors.print(f"study: {trial} has no compact network, as before: {row['reason']}", markup=False)
        raise typer.Exit(1)
    how = "with its pack" if made.together else "alone"
    console.print(f"{trial} was trained again, {how}; its counts are the same, its scores too", highlight=False)
    console.print(
        f"Its network is kept:\n  study export {place.path()} --trial {trial}", highlight=False, soft_wrap=True
    )
