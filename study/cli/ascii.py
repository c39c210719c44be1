"""Terminals without Unicode get ASCII: the signs that the commands write, in signs that any terminal has."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata

_SIGNS = {
    "·": "-",
    "–": "-",
    "—": "-",
    "…": "...",
    "±": "+-",
    "×": "x",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "−": "-",
    "━": "=",
    "╸": "=",
    "╺": "-",
    **dict(zip("▁▂▃▄▅▆▇█", "_.-~=+*#", strict=True)),
}
_HANDLER = "study.ascii"


def accept() -> None:
    """Let stdout and stderr take any text, whatever the encoding of the terminal."""
    codecs.register_error(_HANDLER, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end]
    return "".join(map(_plain, text)), error.end


def _plain(sign: str) -> str:
    """As ASCII: an equivalent, the letter without its accent, or a question mark."""
    if sign in _SIGNS:
        return _SIGNS[sign]
    return unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode() or "?"
