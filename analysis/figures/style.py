"""The look of every printed figure: sizes, fonts, and files that are the same bytes for the same data.

Matplotlib is imported where something is drawn: the data of figures need none of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.directory import StudyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Width in inches of one text column and of a whole page in the usual two-column formats (IEEE: 3.5 and 7.16).
WIDTHS = {"column": 3.5, "page": 7.16}
SUFFIXES = (".pdf", ".png", ".svg")

_STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],  # ships with matplotlib: the same figure on every machine
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "savefig.dpi": 300,
    "figure.dpi": 150,
    "pdf.fonttype": 42,  # TrueType: publishers reject Type 3 fonts
    "svg.hashsalt": "study",
    "svg.fonttype": "none",  # text stays text: it can be searched, read aloud and edited
}


@contextmanager
def style() -> Iterator[None]:
    """Draw and save with the style of this package, leaving matplotlib's own settings alone."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        yield


def inches_of(width: str | float) -> float:
    """A width in inches: "column" and "page" are those of a paper.

    Raises:
        StudyError: another word.
    """
    if isinstance(width, str) and width not in WIDTHS:
        raise StudyError(f"expected a width out of {sorted(WIDTHS)} or inches, got {width!r}")
    return WIDTHS[width] if isinstance(width, str) else width


def sheet(inches: float, height: float) -> Figure:
    """An empty figure. It is no pyplot figure: nothing has to be closed, and no display is needed."""
    from matplotlib.figure import Figure

    return Figure(figsize=(inches, height), layout="constrained")


def blank(width: str | float = "column", entries: int = 0) -> Figure:
    """An empty figure in the proportions of a paper's, with room for `entries` in its legend."""
    inches = inches_of(width)
    rows = -(-entries // _columns(inches))
    return sheet(inches, 1.0 + 0.42 * inches + 0.15 * rows)


def legend(figure: Figure) -> None:
    """All labels above the axes, where they cover no data, in as many columns as the width holds."""
    columns = _columns(figure.get_figwidth())
    figure.legend(loc="outside upper center", ncols=columns, handlelength=3.0, columnspacing=1.5)


def _columns(inches: float) -> int:
    return max(1, int(inches / 1.7))


def save(figure: Figure, path: str | Path) -> Path:
    """Write the figure as the suffix says: .svg, .pdf or .png (300 dpi); ValueError for another suffix."""
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise StudyError(f"expected a file name ending in one of {list(SUFFIXES)}, got {path.name!r}")
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}
    with style():
        figure.savefig(path, metadata=dates[path.suffix])
    return path
