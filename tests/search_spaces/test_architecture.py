"""Arguments of the network among the parameters of a search."""

from __future__ import annotations

from typing import Any

import optuna
import pytest

from search_spaces import Choice, Pinned, Range, architectures, argument, configuration, is_range, suggest_parameters
from search_spaces.space import parameters
from trainables.declarations import architecture, as_parameter, settings_of_method
from trainables.errors import Mistakes

DEPTH = {"model.depth": {"choices": [2, 3]}}


@pytest.mark.parametrize(
    ("setting", "domain", "kind"),
    [
        (3, Pinned(3), "int"),
        ([8, 4], Pinned("[8, 4]"), "int"),
        ({"choices": [2, 3]}, Choice((2, 3)), "int"),
        ({"choices": [[8, 4], [8]]}, Choice(("[8, 4]", "[8]")), "int"),
        ({"choices": ["relu", "tanh"]}, Choice(("relu", "tanh")), "int"),
        ({"choices": [True, False]}, Choice((True, False)), "int"),
        ({"low": 8, "high": 64, "log": True}, Range(8, 64, True), "int"),
        ({"low": 8, "high": 64, "step": 8}, Range(8, 64, False, 8), "int"),
        ({"low": 0, "high": 0.5}, Range(0, 0.5), "float"),
    ],
)
def test_a_setting_is_a_value_choices_or_a_range(setting: Any, domain: object, kind: str) -> None:
    found = argument("model.x", setting)
    assert (found.domain, found.kind) == (domain, kind)
    assert is_range(setting) == (not isinstance(domain, Pinned))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"choices": []}, "a list of values"),
        ({"choices": [2, 2]}, "different values"),
        ({"choices": [2, None]}, "a number, text, true, false or a list"),
        ({"choices": [2], "log": True}, "'log'"),
        ({"low": 2}, "low and high"),
        ({"low": 3, "high": 2}, "low <= high"),
        ({"low": 0, "high": 2, "log": True}, "low > 0"),
        ({"low": 1, "hihg": 4}, "hihg"),
        ({"low": "a", "high": 4}, "a number"),
    ],
)
def test_a_setting_that_makes_no_sense_is_said(setting: Any, said: str) -> None:
    with pytest.raises(Mistakes, match=said):
        parameters("dense", {"model.x": setting})


def test_arguments_are_asked_first_and_layers_may_follow_from_them() -> None:
    space = {**DEPTH, "beta_3": 0.5, "beta_1": 1.0, "beta_2": 1.0}
    asked: list[dict[str, Any]] = []

    def layers(arguments: Any) -> int:
        asked.append(dict(arguments))
        return int(arguments["depth"])

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    found = [suggest_parameters(study.ask(), "group_lasso", space, layers) for _ in range(12)]
    assert {trial["model.depth"] for trial in found} == {2, 3}
    assert all(("beta_3" in trial) == (trial["model.depth"] == 3) for trial in found)
    assert [next(iter(trial)) for trial in found] == ["model.depth"] * 12
    assert asked == [{"depth": trial["model.depth"]} for trial in found]


def test_without_arguments_nothing_is_asked_otherwise() -> None:
    def trials(space: dict[str, Any]) -> list[Any]:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        return [suggest_parameters(study.ask(), "group_lasso", space, 2) for _ in range(3)]

    pinned = trials({"model.depth": 2})
    assert [settings_of_method(trial) for trial in pinned] == trials({})
    assert [architecture(trial) for trial in pinned] == [{"depth": 2}] * 3


def test_a_configuration_names_arguments_too() -> None:
    space = {"model.widths": {"choices": [[8, 4], [8]]}, "model.rate": {"low": 0.1, "high": 0.5}}
    assert configuration("dense", space, {"model.widths": [8], "model.rate": 0.2}) == {
        "model.widths": "[8]",
        "model.rate": 0.2,
    }
    with pytest.raises(Mistakes, match=r"model\.widths: expected a value of \[8, 4\] \| \[8\]"):
        configuration("dense", space, {"model.widths": [9]})
    with pytest.raises(Mistakes, match=r"did you mean model\.rate|model\.rate"):
        configuration("dense", space, {"model.rat": 0.2})


def test_few_networks_are_all_tried_and_of_many_each_value_once() -> None:
    assert architectures({}) == [{}]
    assert architectures({**DEPTH, "lr": 0.1}) == [{"model.depth": 2}, {"model.depth": 3}]
    space = {
        "model.a": {"choices": [1, 2, 3]},
        "model.b": {"low": 4, "high": 9},
        "model.c": {"choices": ["x", "y"]},
        "model.d": 7,
    }
    found = architectures(space)
    assert len(found) == 4 and found[0] == {"model.a": 1, "model.b": 4, "model.c": "x", "model.d": 7}
    assert found[-1] == {"model.a": 3, "model.b": 9, "model.c": "y", "model.d": 7}
    assert {one["model.a"] for one in found} == {1, 2, 3}


@pytest.mark.parametrize("value", [2, 0.5, True, "relu", [8, 4], [], ["a", [1]]])
def test_an_argument_comes_back_as_it_was(value: Any) -> None:
    back = architecture({"lr": 0.1, "model.x": as_parameter(value)})["x"]
    assert (back, type(back)) == (value, type(value))
