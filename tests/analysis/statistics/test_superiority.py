"""Probability that one method beats another at a budget."""

import numpy as np
import pytest
from scipy.stats import norm

import analysis
from analysis.statistics.superiority import dominates, permutation_p, share_interval


def four_runs(trials, first, second):
    """Two methods with four runs of two trials each; the second trial of a run is the one given."""
    accuracy = np.ravel([[0.1, value] for value in (*first, *second)])
    return trials(
        accuracy,
        [50] * 16,
        method=["npn"] * 8 + ["random"] * 8,
        search=np.tile(np.repeat(range(4), 2), 2),
        number=np.tile(range(8), 2),
    )


def test_share_of_the_pairs(trials):
    frame = four_runs(trials, [0.5, 0.6, 0.7, 0.8], [0.4, 0.4, 0.65, 0.9])
    early, late = analysis.superiority(frame, "npn", "random", budgets=[1, 2]).to_dict("records")
    assert early["better"] == 0.5  # all first trials are equal
    assert early["dominates"] == early["dominated"] == 0.0
    # The four runs beat 2, 2, 3 and 3 of the other's four.
    assert late["better"] == late["dominates"] == 10 / 16
    assert late["dominated"] == 6 / 16
    assert late["low"] < late["better"] < late["high"]
    assert late["runs_one"] == late["runs_other"] == 4


def test_certainty(trials):
    frame = four_runs(trials, [0.8] * 4, [0.5] * 4)
    (line,) = analysis.superiority(frame, "npn", "random", budgets=[2]).to_dict("records")
    assert line["better"] == line["high"] == 1.0
    assert line["low"] == pytest.approx(0.025 ** (1 / 4))
    assert line["p"] == pytest.approx(2 / 70)


@pytest.mark.parametrize("n", [3, 5, 10, 30])
@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0])
def test_the_interval_covers_the_probability_as_often_as_it_says(n, shift):
    random = np.random.default_rng(n)
    one, other = random.normal(shift, size=(1000, n, 1)), random.normal(size=(1000, 1, n))
    truth = norm.cdf(shift / np.sqrt(2))
    intervals = np.array([share_interval(share, n) for share in (one > other).mean(axis=(1, 2))])
    assert ((intervals[:, 0] <= truth) & (truth <= intervals[:, 1])).mean() >= 0.95 - 0.03


@pytest.mark.parametrize("n", [3, 5])
def test_searches_of_equal_methods_are_told_apart_no_more_often_than_said(n):
    random = np.random.default_rng(n)
    found = np.array([permutation_p(*random.normal(size=(2, n))) for _ in range(150)])
    assert (found <= 0.1).mean() <= 0.1 + 0.05
    assert found.min() >= (0.1 if n == 3 else 2 / 252)  # three against three are never enough for 5 %


def test_one_run_has_no_interval(trials):
    frame = trials([0.5, 0.6], [50, 50], method=["npn", "random"], search=0)
    (line,) = analysis.superiority(frame, "npn", "random", budgets=[10]).to_dict("records")
    assert line["better"] == 0.0
    assert np.isnan([line["low"], line["high"]]).all()


def test_training_time_as_the_budget(trials):
    frame = trials([0.9, 0.6], [50, 50], method=["npn", "random"], search=0, train_seconds=[10.0, 1.0])
    lines = analysis.superiority(frame, "npn", "random", budgets=[5, 10], over="train_seconds")
    assert lines["better"].tolist() == [0.0, 1.0]
    assert lines["dominated"].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([[0, 0]], [[1, 1]], True),
        ([[0, 1], [1, 0]], [[0, 1]], True),
        ([[0, 1]], [[0, 1]], False),
        ([[0, 1]], [[1, 0]], False),
        ([[0, 1]], [], True),
        ([], [[0, 1]], False),
        ([], [], False),
    ],
)
def test_dominance_of_fronts(one, other, expected):
    assert dominates(np.reshape(one, (-1, 2)), np.reshape(other, (-1, 2))) is expected


def test_unknown_method(digits):
    with pytest.raises(ValueError, match="expected a method out of"):
        analysis.superiority(digits.assign(search=0), "npn", "nothing", budgets=[1])
