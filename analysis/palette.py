"""How a method looks in every figure: colour, marker and line, told apart without colour too."""

from collections.abc import Iterable
from dataclasses import dataclass

# Okabe & Ito, "Color Universal Design" (2008), without their yellow, which vanishes on white paper.
_BLACK, _ORANGE, _SKY, _GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
_BLUE, _VERMILLION, _PURPLE, _GREY = "#0072B2", "#D55E00", "#CC79A7", "#777777"
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
}


@dataclass(frozen=True)
class Look:
    """Name in print and the drawing attributes, as matplotlib spells them."""

    title: str
    colour: str
    marker: str
    line: str | tuple[float, tuple[float, ...]]


_DASHES = (0.0, (3.5, 1.0))
_DOTS = (0.0, (1.0, 1.0))
_DASH_DOT = (0.0, (4.0, 1.0, 1.0, 1.0))
_LONG = (0.0, (7.0, 1.2))
_DASH_DOT_DOT = (0.0, (4.0, 1.0, 1.0, 1.0, 1.0, 1.0))
_SHORT = (0.0, (1.8, 0.8))

LOOKS = {
    "dense": Look("dense", _BLACK, "*", _DOTS),
    "group_lasso": Look("group lasso", _BLUE, "o", "-"),
    "sparse_group_lasso": Look("sparse group lasso", _VERMILLION, "s", _DASHES),
    "exclusive_group": Look("CGES", _GREEN, "^", _DASH_DOT),
    "drop_neuron": Look("DropNeuron", _PURPLE, "D", _LONG),
    "npn": Look("NPN", _ORANGE, "v", _DASH_DOT_DOT),
    "magnitude": Look("magnitude pruning", _SKY, "P", _SHORT),
    "random": Look("random pruning", _GREY, "X", (0.0, (1.0, 1.5))),
}
_OTHERS = tuple(
    (colour, marker, line)
    for marker, line in (("h", "-"), ("p", _DASHES), ("<", _DASH_DOT), (">", _LONG))
    for colour in (_SKY, _PURPLE, _GREEN, _VERMILLION, _BLUE, _ORANGE)
)


def in_order(methods: Iterable[str]) -> list[str]:
    """The methods as tables and legends list them: dense first, then ours, then unknown ones by name."""
    rank = {name: index for index, name in enumerate(LOOKS)}
    return sorted(set(methods), key=lambda name: (rank.get(name, len(rank)), name))


def looks(methods: Iterable[str]) -> dict[str, Look]:
    """The look of each method; a known method's does not depend on which others are shown."""
    ordered = in_order(methods)
    unknown = [name for name in ordered if name not in LOOKS]
    spare = {name: Look(name, *_OTHERS[index % len(_OTHERS)]) for index, name in enumerate(unknown)}
    return {name: LOOKS.get(name) or spare[name] for name in ordered}


def title(method: object) -> str:
    """The method's name in print."""
    name = str(method)
    return LOOKS[name].title if name in LOOKS else name
