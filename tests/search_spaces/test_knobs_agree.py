"""Search spaces and methods know the same parameters: names, choices and bounds, a row for each method."""

from __future__ import annotations

import pytest

from search_spaces import Parameter, every_parameter
from trainables.methods import METHODS, Knob, Method

LAYERS = 3
rows = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def spellings(name: str, knob: Knob) -> list[str]:
    """The flat names of a knob, its own name left out where it goes by a prefix."""
    if not knob.per_layer:
        return [name]
    own = [] if knob.prefix else [name]
    prefix = knob.prefix or name
    return [*own, f"{prefix}_first", f"{prefix}_rest", *(f"{prefix}_{i + 1}" for i in range(LAYERS))]


def knob_of(method: type[Method]) -> dict[str, Knob]:
    """Every flat name that a trial may give, but lr."""
    return {flat: knob for name, knob in method.knobs.items() for flat in spellings(name, knob)}


def parameters_of(method: type[Method]) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in every_parameter(method.name, LAYERS)}


@rows
def test_names_agree(method: type[Method]) -> None:
    assert set(parameters_of(method)) == {"lr", *knob_of(method)}


@rows
def test_choices_agree(method: type[Method]) -> None:
    parameters = parameters_of(method)
    for name, knob in knob_of(method).items():
        assert set(parameters[name].choices) == set(knob.choices), name


@rows
def test_no_value_of_a_space_is_refused_by_the_method(method: type[Method]) -> None:
    """A space may be narrower than its method, never wider."""
    parameters = parameters_of(method)
    for name, knob in knob_of(method).items():
        if not knob.choices:
            limits = parameters[name].limits
            assert knob.low <= limits.low or (limits.open and knob.low <= 1e-6), name
            assert limits.high <= knob.high, name
