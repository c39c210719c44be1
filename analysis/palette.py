"""How a method looks in every figure: colour, marker and line, told apart without colour too.

The methods of this project have looks of their own; any other method's follows from its name, so that it is the same in
every figure, page and study, and nothing has to be entered here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

# Okabe & Ito, "Color Universal Design" (2008), without their yellow, which vanishes on white paper.
_BLACK, _ORANGE, _SKY, _GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
_BLUE, _VERMILLION, _PURPLE, _GREY = "#0072B2", "#D55E00", "#CC79A7", "#777777"
# For other methods: of hues that colour-blind people tell from those above and from each other as well as those above.
_INDIGO, _WINE, _OLIVE, _BROWN = "#332288", "#882255", "#999933", "#7A4B12"
# The same hues, light enough for a dark page (contrast with #14171a at least 5).
NIGHT = {
    _BLACK: "#F2F2F2",
    _ORANGE: "#FFBF3F",
    _SKY: "#A9DDFF",
    _GREEN: "#2FC99B",
    _BLUE: "#3FA2E6",
    _VERMILLION: "#FF7F3F",
    _PURPLE: "#E59FC8",
    _GREY: "#9C9C9C",
    _INDIGO: "#8F7BFF",
    _WINE: "#E0558F",
    _OLIVE: "#D6D65C",
    _BROWN: "#B58050",
}


Line = str | tuple[float, tuple[float, ...]]


@dataclass(frozen=True)
class Look:
    """Name in print and the drawing attributes, as matplotlib spells them."""

    title: str
    colour: str
    marker: str
    line: Line


_DASHES = (0.0, (3.5, 1.0))
_DOTS = (0.0, (1.0, 1.0))
_DASH_DOT = (0.0, (4.0, 1.0, 1.0, 1.0))
_LONG = (0.0, (7.0, 1.2))
_DASH_DOT_DOT = (0.0, (4.0, 1.0, 1.0, 1.0, 1.0, 1.0))
_SHORT = (0.0, (1.8, 0.8))

_OWN: dict[str, tuple[str, str, Line]] = {
    "dense": (_BLACK, "*", _DOTS),
    "group_lasso": (_BLUE, "o", "-"),
    "sparse_group_lasso": (_VERMILLION, "s", _DASHES),
    "exclusive_group": (_GREEN, "^", _DASH_DOT),
    "drop_neuron": (_PURPLE, "D", _LONG),
    "npn": (_ORANGE, "v", _DASH_DOT_DOT),
    "magnitude": (_SKY, "P", _SHORT),
    "random": (_GREY, "X", (0.0, (1.0, 1.5))),
}
_TITLES = {
    "exclusive_group": "CGES",
    "drop_neuron": "DropNeuron",
    "npn": "NPN",
    "magnitude": "magnitude pruning",
    "random": "random pruning",
}
"""Of methods that are called otherwise in print than their names say."""

_HUES: tuple[tuple[str, Line], ...] = ((_INDIGO, "-"), (_WINE, _DASHES), (_OLIVE, _DASH_DOT), (_BROWN, _LONG))
_MARKERS = "hp<>"
_SLOTS: tuple[tuple[tuple[str, Line], str], ...] = tuple(
    (_HUES[i % 4], _MARKERS[(i + i // 4) % 4]) for i in range(len(_HUES) * len(_MARKERS))
)


def in_order(methods: Iterable[str]) -> list[str]:
    """The methods as tables and legends list them: dense first, then ours, then others by name."""
    rank = {name: index for index, name in enumerate(_OWN)}
    return sorted(set(methods), key=lambda name: (rank.get(name, len(rank)), name))


def looks(methods: Iterable[str]) -> dict[str, Look]:
    """The look of each method, which does not depend on the others shown.

    Only where two names of others' methods come to the same look, the later one by the alphabet takes the next free.
    """
    ordered = in_order(methods)
    taken: dict[int, str] = {}
    for name in ordered:
        if name not in _OWN:
            first = _slot(name)
            free = (slot % len(_SLOTS) for slot in range(first, first + len(_SLOTS)) if slot % len(_SLOTS) not in taken)
            taken.setdefault(next(free, first), name)
    places = {name: slot for slot, name in taken.items()}
    return {name: _look(name, places.get(name, _slot(name))) for name in ordered}


def _slot(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) % len(_SLOTS)


def _look(name: str, slot: int) -> Look:
    if name in _OWN:
        return Look(title(name), *_OWN[name])
    (colour, line), marker = _SLOTS[slot]
    return Look(title(name), colour, marker, line)


def title(method: object) -> str:
    """The method's name in print: `my_method` is "my method", `my_module:MyMethod` is "MyMethod"."""
    name = str(method)
    return _TITLES.get(name) or name.rpartition(":")[2].replace("_", " ")
