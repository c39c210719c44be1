"""Tables for people: a frame of numbers with headings and formats, as rows, Markdown, LaTeX or CSV."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table as RichTable

_UNKNOWN = "–"


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
        body = "\n".join(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
        )
        return f"{body}\n\n{self.caption}\n" if self.caption else f"{body}\n"

    def latex(self) -> str:
        """A booktabs table (LaTeX: usepackage booktabs), the caption in the table's own."""
        columns = "l" + "r" * (len(self.columns) - 1)
        lines = [" & ".join(map(_escape, line)) + r" \\" for line in [self.headings]]
        body = [" & ".join(line) + r" \\" for line in self._marked(r"\textbf{{{}}}", escape=True)]
        caption = [rf"\caption{{{_escape(self.caption)}}}"] if self.caption else []
        return "\n".join(
            [
                r"\begin{table}",
                r"\centering",
                *caption,
                rf"\begin{{tabular}}{{{columns}}}",
                r"\toprule",
                *lines,
                r"\midrule",
                *body,
                r"\bottomrule",
                r"\end{tabular}",
                r"\end{table}",
                "",
            ]
        )

    def csv(self) -> str:
        text: str = self.frame.to_csv(index=False, lineterminator="\n")
        return text

    def write(self, path: str | Path) -> Path:
        """Write the form that the suffix names: .csv, .md or .tex; ValueError for another."""
        path = Path(path)
        forms = {".csv": self.csv, ".md": self.markdown, ".tex": self.latex}
        if path.suffix not in forms:
            raise ValueError(f"expected a file name ending in one of {sorted(forms)}, got {path.name!r}")
        path.write_text(forms[path.suffix](), encoding="utf-8")
        return path

    def __rich__(self) -> RichTable:
        table = RichTable(caption=self.caption or None, caption_justify="left")
        for index, heading in enumerate(self.headings):
            table.add_column(heading, justify="left" if index == 0 else "right")
        for line in self._marked("[bold]{}[/bold]"):
            table.add_row(*line)
        return table

    def _marked(self, mark: str, escape: bool = False) -> Sequence[list[str]]:
        return [
            [
                mark.format(text) if (index, column.key) in self.bold else text
                for column, text in zip(self.columns, map(_escape, line) if escape else line, strict=True)
            ]
            for index, line in enumerate(self.rows)
        ]


_LATEX = {"\\": r"\textbackslash{}", "–": "--", "±": r"$\pm$", "≤": r"$\leq$", "×": r"$\times$"}
_LATEX |= {symbol: f"\\{symbol}" for symbol in "&%$#_{}"}


def _escape(text: str) -> str:
    return "".join(_LATEX.get(symbol, symbol) for symbol in text)
