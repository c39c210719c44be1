"""The contract of all search spaces, over one table of rows, and what a user's settings may do to them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import optuna
import pytest

from search_spaces import (
    Choice,
    Parameter,
    Pinned,
    Range,
    Suggest,
    distributions,
    every_parameter,
    methods,
    parameters,
    suggest_parameters,
    validate,
)
from search_spaces.space.branches import branches, merged
from search_spaces.space.scale import DIGITS, Scale
from trainables.declarations import Declaration, Knob, Value, declarations
from trainables.errors import Mistakes
from trainables.methods import stack_knobs

LAYERS = 3

# Every method as it comes, then settings that reach each form of override and each branch.
ROWS: list[tuple[str, dict[str, Any]]] = [
    *((method, {}) for method in methods()),
    ("dense", {"lr": 0.01}),
    ("group_lasso", {"lambda": [1e-3, 1e-2], "beta": 2, "cadence": "epoch"}),
    ("group_lasso", {"weighting": ["sqrt", "mean"], "beta_1": 0.5, "beta_3": [0.1, 1]}),
    ("sparse_group_lasso", {"alpha": {"low": 0.2, "high": 0.8, "step": 0.2}, "beta_rest": 3}),
    ("sparse_group_lasso", {"alpha": {"choices": [0, 0.5, 1]}, "lambda": {"high": 10}}),
    ("exclusive_group", {"update": {"choices": ["published", "exact"]}, "group_scale_2": 0.1}),
    ("drop_neuron", {"l2": [1e-6, 1e-4], "update": "proximal"}),
    ("npn", {"mode": "expand", "k_expand": 1, "active": [0.1, 0.3]}),
    (
        "npn",
        {"mode": ["sparsify", "expand"], "lambda_1": 0.35, "lambda_2": 14, "k_start": {"choices": [7, 5000]}},
    ),
    ("npn", {"lambda": {"low": -0.1, "high": 0, "log": False}, "gate": "hard", "estimator": ["arm", "ar"]}),
    ("magnitude", {"scope": "layerwise", "sparsity_1": 0.5, "sparsity_2": 0.25}),
    ("random", {"scope": ["global", "layerwise"], "sparsity": 0.5}),
]
IDS = [f"{method}-{'-'.join(overrides) or 'default'}" for method, overrides in ROWS]
each_row = pytest.mark.parametrize(("method", "overrides"), ROWS, ids=IDS)


def draw(method: str, overrides: Mapping[str, object], seed: int = 0, trials: int = 20) -> list[dict[str, Value]]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return [suggest_parameters(study.ask(), method, overrides, LAYERS) for _ in range(trials)]


@pytest.fixture(autouse=True)
def quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def test_every_method_has_a_space() -> None:
    assert set(methods()) == set(declarations())


@each_row
def test_values_lie_in_the_declared_domain(method: str, overrides: dict[str, Any]) -> None:
    declared = {parameter.name: parameter for parameter in parameters(method, overrides, LAYERS)}
    for values in draw(method, overrides):
        for name, value in values.items():
            match declared[name].domain:
                case Pinned(pinned):
                    assert value == pinned
                case Choice(choices):
                    assert value in choices
                case Range(low, high):
                    assert low <= float(value) <= high
            if not declared[name].choices:
                assert isinstance(value, int if declared[name].kind == "int" else float)
                assert declared[name].limits.contains(float(value))


@each_row
def test_the_same_seed_gives_the_same_values(method: str, overrides: dict[str, Any]) -> None:
    assert draw(method, overrides, seed=1) == draw(method, overrides, seed=1)


@each_row
def test_distributions_are_those_that_trials_use(method: str, overrides: dict[str, Any]) -> None:
    declared = distributions(method, overrides, LAYERS)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    used: dict[str, set[Any]] = {}
    for _ in range(20):
        trial = study.ask()
        suggest_parameters(trial, method, overrides, LAYERS)
        for name, distribution in trial.distributions.items():
            used.setdefault(name, set()).add(distribution)
    assert set(used) == set(declared)
    for name, seen in used.items():
        optuna.distributions.check_distribution_compatibility(declared[name], next(iter(seen)))
        if len(seen) == 1 and "weighting" not in used:
            assert seen == {declared[name]}


@each_row
def test_the_method_takes_every_value(method: str, overrides: dict[str, Any]) -> None:
    rows = draw(method, overrides)
    assert len(stack_knobs(declarations()[method], rows, LAYERS).lanes) == len(rows)


@each_row
def test_everything_names_the_reachable(method: str, overrides: dict[str, Any]) -> None:
    everything = {parameter.name for parameter in every_parameter(method, LAYERS)}
    assert {parameter.name for parameter in parameters(method, overrides, LAYERS)} <= everything


@pytest.mark.parametrize("method", methods())
def test_every_parameter_says_why(method: str) -> None:
    for parameter in every_parameter(method, LAYERS):
        assert len(parameter.why) > 10, parameter.name


def test_every_knob_can_be_reached() -> None:
    for method, declaration in declarations().items():
        assert {parameter.name for parameter in every_parameter(method, LAYERS)} == set(declaration.names(LAYERS))


def domain(method: str, name: str, overrides: dict[str, Any]) -> Pinned | Range | Choice:
    return {p.name: p.domain for p in parameters(method, overrides, LAYERS)}[name]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (0.25, Pinned(0.25)),
        (1, Pinned(1.0)),
        ([0.1, 0.2], Range(0.1, 0.2)),
        ((0, 1), Range(0.0, 1.0)),
        ({"high": 0.5}, Range(0.0, 0.5)),
        ({"low": 0.1, "log": True}, Range(0.1, 1.0, log=True)),
        ({"low": 0, "high": 1, "step": 0.25}, Range(0.0, 1.0, step=0.25)),
        ({"choices": [0, 0.5]}, Choice((0.0, 0.5))),
    ],
)
def test_forms_of_a_setting(setting: object, expected: object) -> None:
    assert domain("sparse_group_lasso", "alpha", {"alpha": setting}) == expected


def test_a_range_keeps_the_scale_of_its_parameter() -> None:
    assert domain("group_lasso", "lambda", {"lambda": [1e-6, 1e2]}) == Range(1e-6, 1e2, log=True)
    assert domain("drop_neuron", "l2", {"l2": [1e-6, 1]}) == Range(1e-6, 1, log=True)


def test_names_may_be_searched_pinned_or_listed() -> None:
    assert domain("group_lasso", "cadence", {"cadence": "epoch"}) == Pinned("epoch")
    for listed in (["step", "epoch"], {"choices": ["step", "epoch"]}):
        assert domain("group_lasso", "cadence", {"cadence": listed}) == Choice(("step", "epoch"))


def test_the_range_of_lambda_follows_weighting_and_cadence() -> None:
    usual = domain("group_lasso", "lambda", {})
    assert isinstance(usual, Range)
    for overrides, factor in (
        ({"weighting": "mean"}, DIGITS.root_size * DIGITS.units),
        ({"cadence": "epoch", "weighting": "none"}, DIGITS.root_size * DIGITS.steps / DIGITS.epochs),
    ):
        scaled = domain("group_lasso", "lambda", overrides)
        assert isinstance(scaled, Range)
        assert (scaled.low, scaled.high) == pytest.approx((usual.low * factor, usual.high * factor), rel=0.05)
    both = domain("group_lasso", "lambda", {"weighting": ["sqrt", "mean"]})
    assert isinstance(both, Range)
    assert (both.low, both.high) == pytest.approx((usual.low, usual.high * DIGITS.root_size * DIGITS.units), rel=0.05)


def names(method: str, overrides: dict[str, Any], layers: int | None = LAYERS) -> set[str]:
    return {parameter.name for parameter in parameters(method, overrides, layers)}


def test_beta_by_layer() -> None:
    assert {n for n in names("group_lasso", {}) if "beta" in n} == {"beta_first", "beta_rest"}
    assert {n for n in names("group_lasso", {"beta": 1}) if "beta" in n} == {"beta"}
    assert {n for n in names("group_lasso", {"beta_2": 1}) if "beta" in n} == {"beta_1", "beta_2", "beta_3"}
    assert {n for n in names("group_lasso", {}, layers=1) if "beta" in n} == {"beta"}
    assert "beta_7" in names("group_lasso", {"beta_7": 1}, layers=None)


def test_branches() -> None:
    assert {"k"} == names("npn", {}) & {"k", "k_expand"}
    assert {"k_expand"} == names("npn", {"mode": "expand"}) & {"k", "k_expand"}
    both = {p.name: p.when for p in parameters("npn", {"mode": ["sparsify", "expand"]}, LAYERS)}
    assert (both["k"], both["k_expand"], both["lr"]) == ("mode = sparsify", "mode = expand", "")
    for values in draw("npn", {"mode": ["sparsify", "expand"]}):
        assert ("k" in values) == (values["mode"] == "sparsify")


@pytest.mark.parametrize(
    ("method", "overrides", "said"),
    [
        ("group_lasso", {"lamda": 1}, "lamda: expected one of lr, weighting, cadence, lambda,"),
        ("group_lasso", {"lamda": 1}, "did you mean 'lambda'?"),
        ("group_lasso", {"alpha": 0.5}, "alpha: expected one of lr"),
        ("group_lasso", {"beta_4": 1}, "beta_1, beta_2, beta_3, but got 'beta_4'"),
        ("group_lasso", {"lambda": -1}, "lambda: expected a number >= 0, but got -1"),
        ("group_lasso", {"lambda": [1, 0.1]}, "lambda: expected low <= high, but got [1.0, 0.1]"),
        ("group_lasso", {"lambda": [0, 1]}, "lambda: expected low > 0, the scale being logarithmic"),
        ("group_lasso", {"lambda": [1]}, "lambda: expected [low, high]"),
        ("group_lasso", {"lambda": "big"}, "lambda: expected a number >= 0, but got 'big'"),
        ("group_lasso", {"lambda": None}, "lambda: expected a number >= 0, but got None"),
        ("group_lasso", {"lambda": True}, "lambda: expected a number >= 0, but got True"),
        ("group_lasso", {"lambda": float("nan")}, "lambda: expected a number >= 0, but got nan"),
        ("group_lasso", {"lambda": [1, float("inf")]}, "lambda: expected a number >= 0, but got inf"),
        (
            "group_lasso",
            {"lambda": {"hihg": 1}},
            "lambda.hihg: expected one of low, high, log, step, choices",
        ),
        ("group_lasso", {"lambda": {"hihg": 1}}, "did you mean 'high'?"),
        ("group_lasso", {"lambda": {"log": "yes"}}, "lambda.log: expected true or false, but got 'yes'"),
        ("group_lasso", {"lambda": {"step": 0.01}}, "lambda.step: expected no step"),
        ("group_lasso", {"lambda": {"choices": []}}, "lambda: expected a list of values, but got []"),
        ("group_lasso", {"lambda": {"choices": [1, 1]}}, "lambda: expected different values"),
        ("group_lasso", {"beta_rest": {"high": 2}}, "beta_rest: expected low and high"),
        (
            "group_lasso",
            {"beta": 1, "beta_1": 1},
            "one way of writing it: beta_first, beta_rest; or beta; or beta_1",
        ),
        ("group_lasso", {"weighting": "sqr"}, "one of sqrt, mean, none, but got 'sqr'; did you mean 'sqrt'?"),
        ("group_lasso", {"weighting": ["sqrt", "men"]}, "did you mean 'mean'?"),
        ("group_lasso", {"weighting": {"low": 1}}, "weighting.low: expected one of choices"),
        ("sparse_group_lasso", {"alpha": [0, 1.5]}, "alpha: expected a number in [0, 1], but got 1.5"),
        ("sparse_group_lasso", {"alpha": {"step": 2}}, "alpha.step: expected a number in (0, 1], but got 2"),
        ("exclusive_group", {"m": 0.7}, "m: expected a number in [0, 0.5], but got 0.7"),
        ("dense", {"lr": 0}, "lr: expected a number > 0, but got 0"),
        ("npn", {"k_expand": 1}, "k_expand: expected mode = expand, without which it has no effect"),
        ("npn", {"k_expand": 1}, "but got mode = sparsify"),
        (
            "npn",
            {"stage_1": [0.1, 0.6]},
            "stage_2: expected values from 0.6 on, the largest of stage_1, but got 0.4",
        ),
        ("magnitude", {"scope": "global", "sparsity_1": 0.5}, "sparsity_1: expected scope = layerwise"),
        ("grup_lasso", {}, "did you mean 'group_lasso'?"),
    ],
)
def test_impossible_settings(method: str, overrides: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as caught:
        validate(method, overrides, LAYERS)
    assert said in str(caught.value)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(Mistakes) as caught:
        validate("group_lasso", {"lr": -1, "lambda": [2, 1], "wieghting": "sqrt"})
    assert [mistake.keys for mistake in caught.value.mistakes] == [("lr",), ("lambda",), ("wieghting",)]


def test_a_trial_refuses_what_validation_would() -> None:
    with pytest.raises(Mistakes, match="lr: expected a number > 0"):
        draw("dense", {"lr": -1}, trials=1)


TOY = Declaration(
    "toy",
    "Whole numbers and branches",
    knobs=(
        Knob("depth", 2, "a whole number"),
        Knob("kind", "narrow", "a choice", choices=("narrow", "wide")),
        Knob("width", 0.5, "a number"),
    ),
)


def toy(suggest: Suggest) -> None:
    suggest.number("depth", 1, 8, why="whole numbers")
    if suggest.choice("kind", why="two branches") == "wide":
        suggest.number("width", 1, 2, why="only when wide")
    else:
        suggest.number("width", 0, 1, why="only when narrow")


def run(overrides: dict[str, Any]) -> list[Suggest]:
    return branches(toy, TOY, overrides, Scale(layers=LAYERS))


def test_whole_numbers() -> None:
    whole = next(p for p in merged(run({"depth": {"low": 2, "step": 2}})) if p.name == "depth")
    assert whole.domain == Range(2, 8, step=2)
    assert run({"depth": 3})[0].values["depth"] == 3
    for wrong, said in (
        (2.5, "a whole number"),
        ({"step": 1.5}, "a whole number"),
        ([0.5, 2], "a whole number"),
    ):
        assert said in str(run({"depth": wrong})[0].mistakes[0])


def test_ranges_of_branches_are_joined() -> None:
    width: Parameter = next(p for p in merged(run({})) if p.name == "width")
    assert width.domain == Range(0, 2)
    assert width.when == ""


def test_no_warning_from_optuna() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for method in methods():
            draw(method, {}, trials=2)
