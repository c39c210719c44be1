"""Importance of parameters: what decides is found to decide."""

import numpy as np
import optuna
import pytest

import analysis
from analysis.statistics.parameters import logarithmic, searched


@pytest.fixture
def ruled(trials):
    """Accuracy follows lambda, neurons follow beta, noise follows nothing."""
    random = np.random.default_rng(0)
    strength, beta, noise = 10 ** random.uniform(-3, 0, 200), random.uniform(0, 1, 200), random.uniform(0, 1, 200)
    parameters = {"param_lambda": strength, "param_beta": beta, "param_noise": noise, "param_pinned": 3.0}
    words = {"param_kind": np.where(np.arange(200) % 2, "a", "b")}
    return trials(-0.1 * np.log10(strength), np.rint(90 * beta) + 1, **parameters, **words)


def test_what_decides_is_first(ruled):
    found = analysis.importance(ruled)
    first = found.groupby("objective").first()
    assert first.loc["accuracy", "parameter"] == "lambda"
    assert first.loc["neurons", "parameter"] == "beta"
    assert (first["importance"] > 0.7).all()
    assert found.groupby("objective")["importance"].sum().tolist() == pytest.approx([1, 1])
    assert set(found["parameter"]) == {"lambda", "beta", "noise", "kind"}
    assert set(found["trials"]) == {200}


def test_a_sample_will_do(ruled):
    found = analysis.importance(ruled, sample=60)
    assert set(found["trials"]) == {60}
    assert found["parameter"].iloc[0] == "lambda"


def test_too_few_trials_say_nothing(ruled):
    assert analysis.importance(ruled.head(5)).empty
    with pytest.raises(ValueError, match="nothing to draw"):
        analysis.importance_figure(analysis.importance(ruled.head(5)))


def test_optuna_is_as_loud_as_before(ruled, capfd):
    before = optuna.logging.get_verbosity()
    analysis.importance(ruled)
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr().err == ""


def test_searched_and_logarithmic(ruled):
    assert searched(ruled) == ["param_lambda", "param_beta", "param_noise", "param_kind"]
    assert logarithmic(ruled["param_lambda"])
    assert not logarithmic(ruled["param_kind"])
    assert not logarithmic(ruled["param_beta"] + 1)
