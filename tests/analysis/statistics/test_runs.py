"""Runs, their means and intervals."""

import numpy as np
import pytest

import analysis


def test_runs_are_studies_times_data_seeds(trials):
    frame = trials([0.5] * 4, [1] * 4, study=["a", "a", "b", "b"], data_seed=[7, 8, 7, 7])
    assert analysis.runs(frame).tolist() == [0, 1, 2, 2]


def test_statistic_per_run(trials):
    frame = trials([0.5, 0.7, 0.9], [1] * 3, data_seed=[0, 1, 1])
    assert analysis.per_run(frame, lambda run: run["val_accuracy"].max()).tolist() == [0.5, 0.9]


def test_interval_of_the_mean_approaches_the_normal_one():
    values = np.random.default_rng(1).normal(size=400)
    found = analysis.estimate(values)
    half = 1.96 * values.std() / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.01)
    assert found.high == pytest.approx(values.mean() + half, abs=0.01)
    assert found.spread == pytest.approx(values.std(ddof=1))


def test_interval_stays_in_the_range_of_the_runs():
    found = analysis.estimate(np.array([1.0, 2.0, 3.0]))
    assert 1.0 <= found.low < 2.0 < found.high <= 3.0
    assert str(found) == f"2 [{found.low:.4g}, {found.high:.4g}] over 3 runs"


def test_one_run_says_so():
    found = analysis.estimate(np.array([0.5]))
    assert np.isnan([found.low, found.high, found.spread]).all()
    assert str(found) == "0.5 (one run: no interval)"


def test_a_goal_missed_in_one_run_has_no_mean():
    assert np.isnan(analysis.estimate(np.array([0.5, np.nan])).mean)


def test_same_seed_same_interval():
    values = np.array([1.0, 2.0, 4.0])
    assert analysis.estimate(values) == analysis.estimate(values)
