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


def test_ranges_over_halves_hold_the_share_and_tell_noise_from_what_decides(ruled):
    found = analysis.importance(ruled).set_index(["objective", "parameter"])
    assert ((found["low"] <= found["importance"]) & (found["importance"] <= found["high"])).all()
    assert found.loc[("accuracy", "lambda"), "low"] > found.loc[("accuracy", "noise"), "high"]


def test_a_declared_range_is_taken_for_what_it_is(trials):
    """Over half a decade the scale cannot be seen in the values."""
    random = np.random.default_rng(0)
    rate = 10 ** random.uniform(-1.7, -0.7, 100)
    frame = trials(
        0.9 - (np.log10(rate) + 1.5) ** 2, np.arange(100) + 1, param_lr=rate, param_noise=random.uniform(size=100)
    )
    declared = {"group_lasso": {"lr": optuna.distributions.FloatDistribution(0.01, 0.3, log=True)}}
    plain, known = analysis.importance(frame), analysis.importance(frame, declared=declared)
    assert plain["importance"].tolist() != known["importance"].tolist()
    assert known["parameter"].iloc[0] == "lr"


def test_collapsed_networks_decide_nothing(ruled):
    with_some = analysis.importance(ruled.assign(required_val_accuracy=0.15))
    assert set(with_some["trials"]) == {int((ruled["val_accuracy"] >= 0.15).sum())}


@pytest.mark.slow
def test_the_interval_covers_what_infinitely_many_trials_would_say(trials):
    def drawn(count, seed):
        random = np.random.default_rng(seed)
        one, other, none = random.uniform(size=(3, count))
        score = -((one - 0.3) ** 2) - 0.3 * other + 0.05 * random.normal(size=count)
        return trials(score, [1] * count, param_one=one, param_other=other, param_none=none)

    def importances(frame, **options):
        return analysis.importance(frame, ("accuracy",), **options).set_index("parameter").sort_index()

    truth = importances(drawn(5000, 0), sample=5000, halves=0)["importance"]
    assert truth["none"] < 0.02 < truth["one"] < truth["other"]
    found = [importances(drawn(64, seed), halves=20) for seed in range(1, 101)]
    covered = np.mean([(one["low"] <= truth) & (truth <= one["high"]) for one in found])
    assert covered >= 0.9 - 0.03
