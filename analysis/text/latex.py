"""Tables for a paper: booktabs rules, columns of numbers aligned by siunitx, a label to refer to."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_ALIGNED = re.compile(rf"({_NUMBER})(?: ± ({_NUMBER}))?")
_UNKNOWN = "–"


def latex_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], bold: Sequence[Sequence[bool]], caption: str, label: str
) -> str:
    """A LaTeX table (packages booktabs and siunitx) of printed cells, the first column words, bold where said.

    A column of nothing but numbers, or numbers with ± behind them, is siunitx's S; any other is set as text.
    """
    columns = list(zip(*rows, strict=True)) or [() for _ in headings]
    aligned = [index > 0 and _is_aligned(cells) for index, cells in enumerate(columns)]
    kinds = [
        _format(cells) if numbers else "l" if index == 0 else "r"
        for index, (cells, numbers) in enumerate(zip(columns, aligned, strict=True))
    ]
    head = [f"{{{escape(text)}}}" if numbers else escape(text) for text, numbers in zip(headings, aligned, strict=True)]
    body = [
        [_cell(*cell) for cell in zip(texts, aligned, marks, strict=True)]
        for texts, marks in zip(rows, bold, strict=True)
    ]
    lines = [
        r"\begin{table}",
        r"\centering",
        *([rf"\caption{{{escape(caption)}}}"] if caption else []),
        rf"\label{{{label}}}",
        rf"\begin{{tabular}}{{{' '.join(kinds)}}}",
        r"\toprule",
        " & ".join(head) + r" \\",
        r"\midrule",
        *(" & ".join(cells) + r" \\" for cells in body),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _is_aligned(cells: Sequence[str]) -> bool:
    known = [cell for cell in cells if cell != _UNKNOWN]
    return bool(known) and all(_ALIGNED.fullmatch(cell) for cell in known)


def _format(cells: Sequence[str]) -> str:
    """S with room for the longest parts: a sign, digits before and behind the point, digits of the uncertainty."""
    found = [match.groups() for cell in cells if (match := _ALIGNED.fullmatch(cell))]
    values = [value.replace(",", "") for value, _ in found]
    before = max(len(value.lstrip("+-").partition(".")[0]) for value in values)
    behind = max(len(value.partition(".")[2]) for value in values)
    sign = "+" if any(value[0] == "+" for value in values) else "-" if any(value[0] == "-" for value in values) else ""
    spread = max((len(re.sub(r"\D", "", spread).lstrip("0")) for _, spread in found if spread), default=0)
    options = [f"table-format={sign}{before}.{behind}{f'({spread})' if spread else ''}", "detect-weight"]
    options += ["separate-uncertainty"] if spread else []
    options += ["retain-explicit-plus"] if sign == "+" else []
    return f"S[{', '.join(options)}]"


def _cell(text: str, aligned: bool, bold: bool) -> str:
    if not aligned:
        return rf"\textbf{{{escape(text)}}}" if bold else escape(text)
    if text == _UNKNOWN:
        return "{--}"
    number = text.replace(",", "").replace("±", r"\pm")
    return rf"\bfseries {number}" if bold else number


_LATEX = {"\\": r"\textbackslash{}", "–": "--", "±": r"$\pm$", "≤": r"$\leq$", "×": r"$\times$", "−": "$-$"}
_LATEX |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "→": r"$\rightarrow$", "←": r"$\leftarrow$"}
_LATEX |= {"<": r"\textless{}", ">": r"\textgreater{}", "·": r"$\cdot$"}
_LATEX |= {symbol: f"\\{symbol}" for symbol in "&%$#_{}"}


def escape(text: str) -> str:
    """Text that means itself in LaTeX."""
    return "".join(_LATEX.get(symbol, symbol) for symbol in text)
