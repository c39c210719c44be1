"""The command that asks for a configuration: enqueue."""

from __future__ import annotations

import contextlib
import json
from typing import Annotated

import typer

from study.cli.app import Directory, app, console
from trainables.errors import StudyError


@app.command()
def enqueue(
    directory: Directory,
    method: Annotated[str, typer.Argument(metavar="METHOD", help="Whose trial it is to be.")],
    values: Annotated[
        list[str], typer.Argument(metavar="NAME=VALUE...", help="Parameters, e.g. lr=0.05 lambda=0.003.")
    ],
) -> None:
    """Have a configuration tried next, of a study that runs or is to go on; what is not given the sampler chooses."""
    from study import api
    from study.directory import StudyDirectory, driver_of

    place = StudyDirectory(directory)
    given: dict[str, object] = {}
    for setting in values:
        name, equals, text = setting.partition("=")
        if not equals or not name:
            raise StudyError(f"expected NAME=VALUE, such as lr=0.05, but got {setting!r}")
        given[name] = _value(text)
    found = api.enqueue(place, method, given)
    total, then = found.budget, f"go on with: study resume {place.path()}"
    if found.asked + found.waiting > total:
        trials = found.asked + found.waiting
        then = f"its {total} trials are asked for, so: study extend {place.path()} --trials {trials}"
    elif driver_of(place.store):
        then = "the driver takes it next"
    console.print(f"{method}: {found.waiting} in its queue; {then}", highlight=False, soft_wrap=True)


def _value(text: str) -> int | float | bool | str | list[object]:
    if text in ("true", "false"):
        return text == "true"
    if text.startswith("["):  # an argument of the network, such as widths
        with contextlib.suppress(ValueError):
            return list(json.loads(text))
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
