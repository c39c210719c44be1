"""Fronts against brute force, with everything that goes wrong in real tables."""

from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analysis
from analysis.statistics.definitions import front_mask
from analysis.statistics.dominance import _contenders, nondominated

# Few distinct values, so that ties and duplicates are the rule.
VALUES = st.sampled_from([0.0, 1.0, 2.0, 3.0, np.nan, np.inf, -np.inf])
STATUS = st.sampled_from(["COMPLETE", "COMPLETE", "FAILED", "NOT_EQUIVALENT", "STOPPED"])


def brute_force(points: np.ndarray) -> np.ndarray:
    finite = np.isfinite(points).all(axis=1)

    def dominated(point: np.ndarray) -> bool:
        return any((other <= point).all() and (other < point).any() for other in points[finite])

    return np.array([ok and not dominated(point) for ok, point in zip(finite, points, strict=True)], dtype=bool)


@given(st.integers(1, 4).flatmap(lambda m: st.lists(st.tuples(*[VALUES] * m), min_size=1, max_size=25)))
def test_nondominated_equals_brute_force(rows):
    points = np.array(rows, dtype=float)
    np.testing.assert_array_equal(nondominated(points), brute_force(points))


@given(st.integers(2, 4).flatmap(lambda m: st.lists(st.tuples(*[st.floats()] * m), min_size=1, max_size=25)))
def test_nondominated_equals_brute_force_for_numbers_of_any_size(rows):
    points = np.array(rows, dtype=float)
    np.testing.assert_array_equal(nondominated(points), brute_force(points))


@pytest.mark.parametrize("objectives", [2, 4])
def test_few_rows_are_left_to_be_compared_with_each_other(objectives):
    points = np.random.default_rng(0).random((400, objectives))
    points = np.concatenate([points, points[::7], [[0.5] * objectives]])
    left = _contenders(points)
    assert len(left) < len(points) / 3
    expected = brute_force(points)
    assert set(np.flatnonzero(expected)) <= set(left)
    np.testing.assert_array_equal(nondominated(points), expected)


@settings(max_examples=60)
@given(st.lists(st.tuples(VALUES, VALUES, STATUS), max_size=25), st.randoms(use_true_random=False))
def test_front_of_a_frame_equals_brute_force_in_any_order(trials, rows, random: Random):
    accuracy, neurons, status = ([row[index] for row in rows] for index in range(3))
    frame = trials(accuracy, neurons, status=status)
    complete = np.array([word == "COMPLETE" for word in status], dtype=bool)
    expected = np.zeros(len(rows), dtype=bool)
    points = np.array([(-a, n) for a, n, _ in rows], dtype=float).reshape(-1, 2)
    expected[complete] = brute_force(points[complete])
    np.testing.assert_array_equal(front_mask(frame), expected)

    order = random.sample(range(len(rows)), len(rows))
    assert set(analysis.pareto(frame.iloc[order])["trial"]) == set(frame["trial"][expected])


def test_front_is_sorted_and_keeps_equal_trials(trials):
    front = analysis.pareto(trials([0.9, 0.8, 0.9, 0.5], [20, 10, 20, 15]))
    assert list(front["val_accuracy"]) == [0.9, 0.9, 0.8]
    assert len(analysis.distinct(front)) == 2


def test_one_front_per_method(digits):
    front = analysis.pareto(digits, by="method")
    assert {method: set(group["trial"]) for method, group in front.groupby("method")} == {
        "dense": {"t1"},
        "group_lasso": {"t2", "t3", "t4", "t5"},
        "npn": {"t7", "t8"},
    }
    assert set(analysis.pareto(digits)["trial"]) == {"t2", "t3", "t4", "t5", "t7", "t8"}


def test_left_out_trials_are_counted_with_their_reason(digits):
    rows = analysis.left_out(digits)[["method", "why", "reason", "trials"]].to_numpy().tolist()
    assert rows == [
        ["group_lasso", "FAILED", "loss is nan in epoch 3", 1],
        ["npn", "accuracy missing", "", 1],
    ]


def test_infinite_objectives_are_left_out(trials):
    frame = trials([np.inf, 0.9, 0.8], [1, 10, np.inf])
    assert list(analysis.excluded(frame)) == ["accuracy infinite", "", "neurons infinite"]


def test_nullable_columns_are_understood(trials):
    frame = trials([0.9, 0.8], [10, 20]).assign(neurons=pd.array([10, None], dtype="Int32"))
    assert list(analysis.excluded(frame)) == ["", "neurons missing"]


def test_no_trials_have_an_empty_front(trials):
    frame = trials([], [])
    assert analysis.pareto(frame).empty
    assert analysis.pareto(frame, by="method").empty
    assert analysis.left_out(frame).empty


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        (("acuracy", "neurons"), "did you mean 'accuracy'"),
        (("accuracy", "accuracy"), "distinct"),
        ((), "distinct"),
        (("accuracy", "macs"), "no column 'macs'"),
    ],
)
def test_wrong_objectives_are_named(digits, objectives, message):
    with pytest.raises(ValueError, match=message):
        analysis.pareto(digits, objectives)
