"""A knob: one setting of a method, and the flat names that trials and studies give its values by.

A knob that may differ by layer, say ``beta``, is written in one of three ways: ``beta`` for all layers; ``beta_first``
and ``beta_rest``; or ``beta_1``, ``beta_2``, ... Only this file knows these names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Literal, TypeAlias

from trainables.declarations.declaration.bounds import NON_NEGATIVE, Bounds
from trainables.errors import Mistake, Mistakes

Value: TypeAlias = float | int | str | bool


@dataclass(frozen=True)
class Knob:
    """A number or a choice per trial, or a number per trial and layer.

    Args:
        default: what holds where a trial says nothing. A whole number makes it a knob of whole numbers.
        doc: what it is, in a line.
        choices: the names it is one of, where it is no number.
        log: numbers are searched on a logarithmic scale unless a study says otherwise.
        stem: what the names of single layers begin with, where it is not the knob's own name. A knob with a stem has
            no name for all layers: its values are factors on another knob, which has that name.

    Raises:
        Mistakes: a default that is out of bounds.
    """

    name: str
    default: Value
    doc: str
    bounds: Bounds = NON_NEGATIVE
    choices: tuple[str, ...] = ()
    log: bool = False
    per_layer: bool = False
    stem: str = ""

    def __post_init__(self) -> None:
        self.check(self.name, self.default)

    @property
    def kind(self) -> Literal["float", "int", "choice"]:
        if self.choices:
            return "choice"
        return "int" if isinstance(self.default, int) else "float"

    def value(self, value: object) -> Value:
        """``value`` as this knob has it. Raises Mistakes where it is none of its values."""
        if self.choices:
            if isinstance(value, str) and value in self.choices:
                return value
            raise Mistakes([Mistake.of_name(value, self.choices)])
        whole = self.kind == "int"
        if isinstance(value, int | float | Real) and not isinstance(value, bool) and self.bounds.contains(float(value)):
            if not whole:
                return float(value)
            if float(value).is_integer():
                return int(float(value))
        expected = f"{'a whole number' if whole else 'a number'} {self.bounds}".rstrip()
        raise Mistakes([Mistake((), expected, repr(value))])

    def check(self, name: str, value: object) -> Value:
        """As `value`, under the name that the value was given by."""
        try:
            return self.value(value)
        except Mistakes as wrong:
            raise Mistakes(mistake.under(name) for mistake in wrong.mistakes) from None

    # -- names by layer ----------------------------------------------------------------------------------------

    def ways(self, layers: int) -> tuple[tuple[str, ...], ...]:
        """The ways of writing it: for all layers, for first and rest, for each."""
        whole = () if self.stem else (self.name,)
        if not self.per_layer:
            return (whole,)
        stem = self.stem or self.name
        each = tuple(f"{stem}_{layer}" for layer in range(1, layers + 1))
        return whole, (f"{stem}_first", f"{stem}_rest"), each

    def names(self, layers: int) -> list[str]:
        """All names its values go by."""
        return [name for way in self.ways(layers) for name in way]

    def goes_by(self, name: str) -> bool:
        """Whether it has this name in some network; how many layers that has decides on the last ones."""
        return name in self.names(0) or self.layer(name) > 0

    def layer(self, name: str) -> int:
        """The layer that a name of this knob numbers, from 1; 0 if it numbers none."""
        found = re.fullmatch(rf"{re.escape(self.stem or self.name)}_([1-9][0-9]*)", name) if self.per_layer else None
        return int(found[1]) if found else 0

    def by_layer(self, parameters: Mapping[str, object], layers: int) -> list[float]:
        """A number for each layer; of several names that a trial gives, the more special wins.

        Raises:
            Mistakes: a value out of bounds.
        """
        whole, halves, each = self.ways(layers)
        return [self._of_first((each[i], halves[min(i, 1)], *whole), parameters) for i in range(layers)]

    def _of_first(self, names: Sequence[str], parameters: Mapping[str, object]) -> float:
        name = next((name for name in names if name in parameters), self.name)
        return float(self.check(name, parameters.get(name, self.default)))
