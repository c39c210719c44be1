"""Tables for people: a frame of numbers with headings and formats, as rows, Markdown, LaTeX or CSV."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape as escape_html
from pathlib import Path
from textwrap import fill
from typing import Any, Literal

import pandas as pd
from rich.markup import escape as escape_markup
from rich.table import Table as RichTable
from rich.text import Text

from analysis.text.latex import latex_table
from study.directory import StudyError

_UNKNOWN = "–"
_SHORT = 7
"""Characters of a heading that is not worth breaking."""


@dataclass(frozen=True)
class Column:
    """How one column of the frame is printed.

    Attributes:
        form: format specification of the value times `scale`, or a function of the value.
        spread: columns printed behind the value where they are known: one as ± spread, two as [low, high].
    """

    key: str
    heading: str
    form: str | Callable[[object], str] = ""
    scale: float = 1.0
    spread: tuple[str, ...] = ()

    def text(self, line: "pd.Series[Any]") -> str:
        value = self._text(line[self.key])
        spread = [self._text(line[key]) for key in self.spread]
        if not spread or _UNKNOWN in (value, *spread):
            return value
        return f"{value} ± {spread[0]}" if len(spread) == 1 else f"{value} [{', '.join(spread)}]"

    def _text(self, value: object) -> str:
        if callable(self.form):
            return self.form(value)
        if value is None or value is pd.NA or value != value:
            return _UNKNOWN
        return format(value * self.scale if isinstance(value, float) else value, self.form)


@dataclass(frozen=True)
class Table:
    """Numbers in `frame` (machine-readable names, stored units) and how they are shown.

    Attributes:
        frame: one row per line; what `csv` writes.
        columns: the printed columns, in order.
        caption: what the numbers mean: reference points, tolerances, what was left out.
        bold: (line, key) of the cells that are best in their column.
    """

    frame: pd.DataFrame
    columns: tuple[Column, ...]
    caption: str = ""
    bold: frozenset[tuple[int, str]] = frozenset()

    @property
    def headings(self) -> list[str]:
        return [column.heading for column in self.columns]

    @property
    def rows(self) -> list[list[str]]:
        return [[column.text(line) for column in self.columns] for _, line in self.frame.iterrows()]

    def markdown(self) -> str:
        rule = ["---" if index == 0 else "---:" for index in range(len(self.columns))]
        lines = [self.headings, rule, *self._marked("**{}**")]
        body = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        return f"{body}\n\n{self.caption}\n" if self.caption else f"{body}\n"

    def latex(self, label: str = "tab:results") -> str:
        """A table of booktabs and siunitx (LaTeX: usepackage both), with a caption and a label of its own."""
        bold = [[(index, column.key) in self.bold for column in self.columns] for index in range(len(self.frame.index))]
        return latex_table(self.headings, self.rows, bold, self.caption, label)

    def csv(self) -> str:
        text: str = self.frame.to_csv(index=False, lineterminator="\n")
        return text

    def write(self, path: str | Path) -> Path:
        """Write the form that the suffix names: .csv, .md or .tex; ValueError for another."""
        path = Path(path)
        latex = partial(self.latex, f"tab:{path.stem}")
        forms: dict[str, Callable[[], str]] = {".csv": self.csv, ".md": self.markdown, ".tex": latex}
        if path.suffix not in forms:
            raise StudyError(f"expected a file name ending in one of {sorted(forms)}, got {path.name!r}")
        path.write_text(forms[path.suffix](), encoding="utf-8")
        return path

    def __rich__(self) -> RichTable:
        """For the terminal: no box, headings no wider than what stands below them, so that 80 columns are enough."""
        caption = Text(self.caption, style="dim") if self.caption else None
        table = RichTable(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        table.caption, table.caption_justify = caption, "left"
        for index, (heading, *cells) in enumerate(zip(self.headings, *self.rows, strict=True)):
            width = len(heading) if len(heading) <= _SHORT else max(map(len, [*cells, *heading.split()]))
            justify: Literal["left", "right"] = "left" if index == 0 else "right"
            table.add_column(fill(heading, width), justify=justify, vertical="bottom", no_wrap=index > 0)
        for line in self._marked("[bold]{}[/bold]", escape=escape_markup):
            table.add_row(*line)
        return table

    def html(self) -> str:
        """A table element; cells carry what they sort by (`data-value`), rows their method (`data-method`)."""
        head = "".join(f'<th scope="col">{escape_html(heading)}</th>' for heading in self.headings)
        body = []
        for texts, (_, line) in zip(self._marked("<b>{}</b>", escape=escape_html), self.frame.iterrows(), strict=True):
            cells = "".join(
                f'<td data-value="{escape_html(_plain(line[column.key]))}">{text}</td>'
                for column, text in zip(self.columns, texts, strict=True)
            )
            method = f' data-method="{escape_html(str(line["method"]))}"' if "method" in line else ""
            body.append(f"<tr{method}>{cells}</tr>")
        caption = f"<caption>{escape_html(self.caption)}</caption>" if self.caption else ""
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"

    def _repr_html_(self) -> str:
        """For notebooks."""
        return self.html()

    def _marked(self, mark: str, escape: Callable[[str], str] = str) -> Sequence[list[str]]:
        return [
            [
                mark.format(escape(text)) if (index, column.key) in self.bold else escape(text)
                for column, text in zip(self.columns, line, strict=True)
            ]
            for index, line in enumerate(self.rows)
        ]


def _plain(value: object) -> str:
    """A value to sort by: numbers in full, nothing for what is unknown."""
    return "" if value is None or value is pd.NA or value != value else str(value)
