"""Searches, their means and intervals."""

import numpy as np
import pytest

import analysis
from analysis.statistics.estimates import EVENLY


def test_runs_are_the_searches_of_studies(trials):
    frame = trials([0.5] * 4, [1] * 4, study=["a", "a", "b", "b"], search=[7, 8, 7, 7])
    assert analysis.runs(frame).tolist() == [0, 1, 2, 2]


def test_statistic_per_run(trials):
    frame = trials([0.5, 0.7, 0.9], [1] * 3, search=[0, 1, 1])
    assert analysis.per_run(frame, lambda run: run["val_accuracy"].max()).tolist() == [0.5, 0.9]


def test_interval_of_the_mean_approaches_the_normal_one():
    values = np.random.default_rng(1).normal(size=400)
    found = analysis.estimate(values)
    half = 1.96 * values.std() / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.01)
    assert found.high == pytest.approx(values.mean() + half, abs=0.01)
    assert found.spread == pytest.approx(values.std(ddof=1))


def test_three_searches_have_a_t_interval_and_are_shown_one_by_one():
    found = analysis.estimate(np.array([1.0, 3.0, 2.0]))
    assert (found.low, found.high) == pytest.approx((2 - 4.3027 / np.sqrt(3), 2 + 4.3027 / np.sqrt(3)), abs=1e-3)
    assert str(found) == "2 [-0.4841, 4.484] over 3 searches (1, 2, 3)"


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 10, 30])
@pytest.mark.parametrize("draw", ["normal", "gumbel", "uniform"])
def test_the_interval_covers_the_mean_as_often_as_it_says(draw, n):
    random = np.random.default_rng(n)
    samples = getattr(random, draw)(size=(20_000, n))
    truth = {"normal": 0.0, "gumbel": np.euler_gamma, "uniform": 0.5}[draw]
    one = analysis.estimate(samples[0])  # the half is the same multiple of the spread for all
    half = (one.high - one.mean) / one.spread * samples.std(axis=1, ddof=1)
    covered = (abs(samples.mean(axis=1) - truth) <= half).mean()
    assert covered >= 0.95 - 0.03
    if draw == "uniform" and n in EVENLY:
        assert covered == pytest.approx(EVENLY[n] / 100, abs=0.01)


def test_one_run_says_so():
    found = analysis.estimate(np.array([0.5]))
    assert np.isnan([found.low, found.high, found.spread]).all()
    assert str(found) == "0.5 (one search: no interval)"


def test_a_goal_missed_in_one_run_has_no_mean():
    assert np.isnan(analysis.estimate(np.array([0.5, np.nan])).mean)
