"""Elements that several parts of the page use."""

from collections.abc import Callable
from dataclasses import replace
from html import escape

import pandas as pd

from analysis.studies import Study
from study.directory import PARAMETER

TEXT = ' class="text"'
"""Of cells that hold words: numbers stand at the right, words at the left."""


def trials_of(study: Study, name: str) -> pd.DataFrame:
    """The trials of one of the studies; of the only one without a copy."""
    return study.trials if len(study.configs) == 1 else study.trials[study.trials["study"] == name]


def lean(study: Study) -> Study:
    """The study without what is only shown of single trials: of a million the rest is taken apart far sooner."""
    wide = [name for name in study.trials if str(name).startswith(PARAMETER) or name in ("widths", "dense_widths")]
    return replace(study, trials=study.trials.drop(columns=wide))


def by_study(study: Study, part: Callable[[str], str]) -> str:
    """A part for each study, under its name where there are several."""
    if len(study.configs) == 1:
        return part(next(iter(study.configs)))
    return "".join(f"<h3>{escape(name)}</h3>{part(name)}" for name in study.configs)


def command(text: str) -> str:
    """A command with a button that copies it."""
    shown = escape(text)
    button = f'<button type="button" class="quiet" data-copy="{shown}">copy</button>'
    return f'<div class="command"><code>{shown}</code>{button}</div>'


def framed(table: str) -> str:
    """A table in a frame, in which it scrolls where it is wider or higher."""
    return f'<div class="card flush"><div class="scroll">{table}</div></div>'


def last_line(text: object) -> str:
    """Of a traceback the line that says what went wrong."""
    lines = str(text).strip().splitlines()
    return lines[-1][:300] if lines else ""
