"""Hypervolume against closed forms and against counting the cells of a grid."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import analysis
from analysis.statistics.hypervolume import volume


def gained(neurons):
    """The side of the box that a network of so many of 100 neurons covers."""
    return 1 - np.log(neurons) / np.log(100)


def test_one_trial_is_a_rectangle(trials):
    assert analysis.hypervolume(trials([0.9], [25])) == pytest.approx(0.9 * gained(25))


def test_staircase(trials):
    assert analysis.hypervolume(trials([0.9, 0.5], [50, 20])) == pytest.approx(
        0.9 * gained(50) + 0.5 * (gained(20) - gained(50))
    )


def test_line_of_many_trials_approaches_the_triangle(trials):
    share = np.linspace(0, 1, 1001)
    assert analysis.hypervolume(trials(share, 100**share)) == pytest.approx(0.5, abs=1e-3)


@given(st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=8))
def test_volume_counts_the_dominated_cells(rows):
    corners = np.array(list(product(range(4), repeat=3)))
    cells = sum((np.array(rows) <= corner).all(axis=1).any() for corner in corners)
    assert volume(np.array(rows) / 4) == pytest.approx(cells / 64)


def test_points_outside_the_box(trials):
    assert analysis.hypervolume(trials([0.9], [150])) == 0.0
    box = analysis.Reference(("accuracy", "neurons"), ideal=(0.8, 10), worst=(0.0, 110))
    assert analysis.hypervolume(trials([0.9], [60]), reference=box) == pytest.approx(0.5)


def test_trials_off_the_front_add_nothing(trials):
    frame = trials([0.9, 0.99, np.nan, 0.5], [50, 1, 1, 60], status=["COMPLETE", "FAILED", "COMPLETE", "COMPLETE"])
    assert analysis.hypervolume(frame) == pytest.approx(0.9 * gained(50))


def test_the_reference_is_stated(digits):
    assert str(analysis.reference_of(digits)) == "accuracy 0, neurons 100 (log)"


def test_a_loss_is_measured_to_the_worst_value_on_the_front(trials):
    frame = trials([0.5] * 3, [10, 20, 90], val_mse=[0.04, 0.01, 7.0])
    box = analysis.reference_of(frame, ("mse", "neurons"))
    assert box.worst == (0.04, 100.0)
    assert analysis.hypervolume(frame, ("mse", "neurons")) == pytest.approx(0.75 * gained(20))


def test_no_box_without_a_worst_value(trials):
    with pytest.raises(ValueError, match="no reference value for 'mse'"):
        analysis.reference_of(trials([0.5], [10], val_mse=[0.0]), ("mse", "neurons"))


def test_a_reference_for_other_objectives_is_refused(digits):
    with pytest.raises(ValueError, match="expected a reference for"):
        analysis.hypervolume(digits, ("accuracy",), reference=analysis.reference_of(digits))


def test_empty(trials):
    box = analysis.Reference(("accuracy", "neurons"), (1.0, 0.0), (0.0, 100.0))
    assert analysis.hypervolume(trials([], []), reference=box) == 0.0


def test_the_box_of_a_score_of_ones_own_goes_from_0_to_1_and_beyond_with_the_front() -> None:
    trials = pd.DataFrame({"method": "m", "status": "COMPLETE", "neurons": [5, 9], "dense_neurons": 10})
    inside, beyond = trials.assign(val_score=[0.2, 0.6]), trials.assign(val_score=[-2.0, 3.0])
    assert analysis.reference_of(inside, ("score", "neurons")).ideal == (1.0, 1.0)
    assert analysis.reference_of(inside, ("score", "neurons")).worst == (0.0, 10.0)
    assert analysis.reference_of(beyond, ("score", "neurons")).ideal == (3.0, 1.0)
    assert analysis.reference_of(beyond, ("score", "neurons")).worst == (-2.0, 10.0)
    assert analysis.hypervolume(inside, ("score", "neurons")) == pytest.approx(
        0.2 * (1 - np.log10(5)) + 0.4 * (1 - np.log10(9))
    )


def test_the_floor_is_what_is_required_else_chance(trials):
    frame = trials([0.9, 0.7], [10, 5], chance_accuracy=0.25)
    assert analysis.reference_of(frame).worst == (0.25, 100.0)
    required = frame.assign(required_val_accuracy=0.8)
    assert analysis.reference_of(required).worst == (0.8, 100.0)
    assert analysis.hypervolume(required) == pytest.approx(0.5 * gained(10))


def test_the_order_of_methods_may_depend_on_the_floor(trials):
    # npn is far smaller but worse: a floor above its score leaves it nothing.
    frame = trials([0.95, 0.6], [50, 2], method=["group_lasso", "npn"])
    found = analysis.rank_stability(frame, floors=(0.0, 0.9))
    assert found.set_index(["floor", "method"])["rank"].to_dict() == {
        (0.0, "group_lasso"): 2,
        (0.0, "npn"): 1,
        (0.9, "group_lasso"): 1,
        (0.9, "npn"): 2,
    }
    assert analysis.rank_stability(frame)["floor"].nunique() == 5
    with pytest.raises(ValueError, match="expected a score"):
        analysis.rank_stability(frame, ("neurons",))
    better = frame.assign(search=1, val_accuracy=[0.97, 0.9])
    both = analysis.rank_stability(pd.concat([frame.assign(search=0), better], ignore_index=True), floors=(0.0,))
    each = [analysis.rank_stability(one, floors=(0.0,)) for one in (frame, better)]
    mean = (each[0]["hypervolume"] + each[1]["hypervolume"]) / 2
    assert both["hypervolume"].tolist() == pytest.approx(mean.tolist())
