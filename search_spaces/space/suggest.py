"""What a search space asks its parameters of: `space(suggest)` is define-by-run, as in Optuna.

Each question names a parameter and is answered with a value, the user's settings applied, so that a space can
branch: `if suggest.fixed("mode", why=...) == "expand": ...`. What values a parameter may have, its default and its
scale are the knob's, as the method declares it. Mistakes among the settings are gathered in `mistakes`, the default
standing in: all are reported at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from search_spaces.space.architecture import argument
from search_spaces.space.override import override
from search_spaces.space.parameter import Choice, Parameter, Pinned, Range
from search_spaces.space.scale import Scale
from trainables.declarations import MODEL, Declaration, Knob, Value, architecture
from trainables.errors import Mistake, Mistakes


class Suggest:
    """One run through a space, after the arguments of the network that the settings search.

    method: whose knobs the names are; overrides: the user's settings by name; scale: of the problem, which default
    ranges follow from; choose: picks a parameter's value; everything: search all there is to choose, to learn every
    name.
    """

    def __init__(
        self,
        method: Declaration,
        overrides: Mapping[str, object],
        scale: Scale,
        choose: Callable[[Parameter], Value],
        everything: bool = False,
    ) -> None:
        self.method = method
        self.scale = scale
        self.parameters: dict[str, Parameter] = {}
        self.values: dict[str, Value] = {}
        self.mistakes: list[Mistake] = []
        self._overrides = overrides
        self._choose = choose
        self._everything = everything
        for name in overrides:
            if name.startswith(MODEL):
                self._argument(name, overrides[name])
        layers = scale.layers
        self.layers = layers(architecture(self.values)) if callable(layers) else layers

    def number(self, name: str, low: float, high: float, *, why: str) -> Value:
        """A number searched from low to high."""
        knob = self.method.knob(name)
        return self._ask(name, knob, Range(low, high, knob.log, step=1 if knob.kind == "int" else None), why)

    def choice(self, name: str, *, why: str) -> Value:
        """Searched among the knob's choices."""
        knob = self.method.knob(name)
        return self._ask(name, knob, Choice(knob.choices), why)

    def fixed(self, name: str, value: Value | None = None, *, why: str) -> Value:
        """One value, the knob's default if none is given, not searched unless the user says so."""
        knob = self.method.knob(name)
        return self._ask(name, knob, Pinned(knob.default if value is None else value), why)

    def per_layer(self, knob: str, *, why: str) -> None:
        """A fixed number that may differ by layer: beta; beta_first and beta_rest; or beta_1, beta_2, ..."""
        for name in self.spelling(*self.method.knob(knob).ways(self.layers)):
            self.fixed(name, why=why)

    def spelling(self, *ways: Sequence[str]) -> Sequence[str]:
        """The way of writing a knob that the user took: the first if none."""
        if self._everything:
            numbers = tuple(map(str, range(len(ways))))
            way = Knob("way", "0", "the way of writing a knob", choices=numbers)
            return ways[int(self._choose(Parameter("", way, Choice(numbers), way.doc)))]
        used = [names for names in ways if any(name in self._overrides for name in names)]
        if len(used) > 1:
            given = [name for names in used for name in names if name in self._overrides]
            known = "; or ".join(", ".join(names) for names in ways if names)
            self.mistakes.append(Mistake((given[-1],), f"one way of writing it: {known}", " and ".join(given)))
        return used[0] if used else ways[0]

    def ordered(self, first: str, second: str) -> None:
        """Require that no value of `first` can exceed one of `second`."""
        most, least = self.parameters[first].bounds[1], self.parameters[second].bounds[0]
        if most > least:
            self.mistakes.append(Mistake((second,), f"values from {most:g} on, the largest of {first}", f"{least:g}"))

    def _argument(self, name: str, setting: object) -> None:
        """An argument of the network."""
        try:
            parameter = argument(name, setting)
        except Mistakes as wrong:
            self.mistakes += [mistake.under(name) for mistake in wrong.mistakes]
            return
        self.parameters[name] = parameter
        self.values[name] = self._choose(parameter)

    def _ask(self, name: str, knob: Knob, domain: Pinned | Range | Choice, why: str) -> Value:
        parameter = Parameter(name, knob, domain, why)
        if name in self._overrides:
            try:
                parameter = override(parameter, self._overrides[name])
            except Mistakes as wrong:
                self.mistakes += [mistake.under(name) for mistake in wrong.mistakes]
        open_choice = self._everything and parameter.choices
        value = self._choose(replace(parameter, domain=Choice(parameter.choices)) if open_choice else parameter)
        self.parameters[name] = parameter
        self.values[name] = value
        return value
