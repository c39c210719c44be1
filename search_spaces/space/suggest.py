"""What a search space asks its parameters of: `space(suggest)` is define-by-run, as in Optuna.

Each question names a parameter with its default and is answered with a value, the user's settings applied, so
that a space can branch: `if suggest.categorical("mode", ["sparsify", "expand"]) == "expand": ...`.
Mistakes among the settings are gathered in `mistakes`, the default standing in: all are reported at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from search_spaces.space.override import override
from search_spaces.space.parameter import NON_NEGATIVE, Choice, Limits, Parameter, Pinned, Range, Value
from trainables.errors import Mistake, Mistakes

Number: TypeAlias = float  # inside the class float and int are methods
Index: TypeAlias = int


class Suggest:
    """One run through a space.

    overrides: the user's settings by name; layers: how many layers of the network have a knob of their own;
    choose: picks a parameter's value; everything: search all there is to choose, to learn every name.
    """

    def __init__(
        self,
        overrides: Mapping[str, object],
        layers: int,
        choose: Callable[[Parameter], Value],
        everything: bool = False,
    ) -> None:
        self.layers = layers
        self.parameters: dict[str, Parameter] = {}
        self.values: dict[str, Value] = {}
        self.mistakes: list[Mistake] = []
        self._overrides = overrides
        self._choose = choose
        self._everything = everything

    def float(
        self,
        name: str,
        low: Number,
        high: Number,
        *,
        why: str,
        log: bool = False,
        limits: Limits = NON_NEGATIVE,
    ) -> Value:
        """A number searched from low to high."""
        return self._ask(Parameter(name, "float", Range(low, high, log), why, limits, log=log))

    def int(self, name: str, low: Number, high: Number, *, why: str, limits: Limits = NON_NEGATIVE) -> Value:
        """A whole number searched from low to high."""
        return self._ask(Parameter(name, "int", Range(low, high, step=1), why, limits))

    def categorical(self, name: str, choices: Sequence[Value], *, why: str) -> Value:
        """A value searched among choices."""
        return self._ask(Parameter(name, "choice", Choice(tuple(choices)), why, choices=tuple(choices)))

    def fixed(
        self,
        name: str,
        value: Value,
        *,
        why: str,
        choices: Sequence[Value] = (),
        limits: Limits = NON_NEGATIVE,
        log: bool = False,
    ) -> Value:
        """One of choices, or a number if there are none, that is not searched unless the user says so."""
        pinned = Pinned(value)
        if choices:
            return self._ask(Parameter(name, "choice", pinned, why, choices=tuple(choices)))
        return self._ask(Parameter(name, "float", pinned, why, limits, log=log))

    def per_layer(
        self, name: str, value: Number, *, why: str, limits: Limits = NON_NEGATIVE, log: bool = False
    ) -> None:
        """A fixed number that may differ by layer: beta; beta_first and beta_rest; or beta_1, beta_2, ..."""
        ways = [[name], [f"{name}_first", f"{name}_rest"], self.numbered(name)]
        for part in ways[self.spelling(*ways)]:
            self.fixed(part, value, why=why, limits=limits, log=log)

    def spelling(self, *spellings: Sequence[str]) -> Index:
        """Which way of writing a knob the user took, as an index: the first if none."""
        used = [i for i, names in enumerate(spellings) if any(name in self._overrides for name in names)]
        if self._everything:
            return Index(self._choose(Parameter("", "choice", Choice(tuple(range(len(spellings)))), "")))
        if len(used) > 1:
            names = [name for i in used for name in spellings[i] if name in self._overrides]
            ways = "; or ".join(", ".join(names) for names in spellings if names)
            self.mistakes.append(Mistake((names[-1],), f"one way of writing it: {ways}", " and ".join(names)))
        return used[0] if used else 0

    def numbered(self, name: str) -> list[str]:
        """The name once per layer: beta_1, beta_2, ..."""
        return [f"{name}_{layer}" for layer in range(1, self.layers + 1)]

    def ordered(self, first: str, second: str) -> None:
        """Require that no value of `first` can exceed one of `second`."""
        most, least = self.parameters[first].bounds[1], self.parameters[second].bounds[0]
        if most > least:
            self.mistakes.append(Mistake((second,), f"values from {most:g} on, the largest of {first}", f"{least:g}"))

    def _ask(self, parameter: Parameter) -> Value:
        if parameter.name in self._overrides:
            try:
                parameter = override(parameter, self._overrides[parameter.name])
            except Mistakes as wrong:
                self.mistakes += [mistake.under(parameter.name) for mistake in wrong.mistakes]
        open_choice = self._everything and parameter.choices
        value = self._choose(replace(parameter, domain=Choice(parameter.choices)) if open_choice else parameter)
        self.parameters[parameter.name] = parameter
        self.values[parameter.name] = value
        return value
