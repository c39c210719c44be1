"""Prints every method's parameters as Markdown: `python -m search_spaces > docs/parameters.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from search_spaces import Parameter, Pinned, parameters
from trainables.declarations import Knob, declarations


def page() -> str:
    """The whole page: what may be given to a trial, and what a study searches unless its YAML says otherwise."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Parameters"
    yield ""
    yield "Made by `python -m search_spaces > docs/parameters.md` from the methods' declarations and search spaces."
    yield "`NAME_first` and `NAME_rest`, or `NAME_1`, `NAME_2`, ... are values by layer. A study's YAML pins, narrows"
    yield "or widens any of them under `methods: {NAME: {space: {...}}}`. [methods.md](methods.md) has the formulas."
    yield "Arguments of the network are searched as `model.NAME`: [networks.md](networks.md)."
    for declaration in declarations().values():
        yield ""
        yield f"## {declaration.name}"
        yield ""
        yield f"{declaration.title}. {declaration.reference}."
        yield ""
        if declaration.knobs:
            yield "| knob | default | values | what it is |"
            yield "|---|---|---|---|"
            yield from map(_knob, declaration.knobs)
            yield ""
        yield "| a study's trials | searched or pinned | why |"
        yield "|---|---|---|"
        yield from map(_parameter, parameters(declaration.name))


def _knob(knob: Knob) -> str:
    names = ", ".join(f"`{way[0]}`" for way in knob.ways(1) if way)
    values = " | ".join(knob.choices) if knob.choices else f"{knob.kind} {knob.bounds}".strip()
    return _row(names, knob.default, values, knob.doc)


def _parameter(parameter: Parameter) -> str:
    pinned = isinstance(parameter.domain, Pinned)
    when = f", if {parameter.when}" if parameter.when else ""
    return _row(f"`{parameter.name}`", f"{'pinned: ' if pinned else ''}{parameter.domain}{when}", parameter.why)


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    sys.stdout.write(page())
