"""Epsilon, IGD+ and contributions against closed forms and brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analysis

POINTS = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 99)), min_size=1, max_size=12)


def test_closed_forms(trials):
    # In the unit box the reference front is (.1, .75), (.5, .5); npn has (.3, .9).
    frame = trials([0.9, 0.5, 0.7], 100 ** np.array([0.75, 0.5, 0.9]), method=["group_lasso", "group_lasso", "npn"])
    lasso, npn = analysis.indicators(frame).to_dict("records")
    assert (lasso["epsilon"], lasso["igd_plus"]) == (0.0, 0.0)
    assert npn["epsilon"] == pytest.approx(0.4)
    assert npn["igd_plus"] == pytest.approx((np.hypot(0.2, 0.15) + 0.4) / 2)
    assert npn["hypervolume"] == pytest.approx(0.7 * 0.1)
    assert npn["front"] == 1


def test_a_method_without_trials_on_a_front_is_infinitely_far(trials):
    frame = trials([0.9, np.nan], [50, 10], method=["npn", "random"])
    far = analysis.indicators(frame).set_index("method").loc["random"]
    assert far["epsilon"] == far["igd_plus"] == np.inf
    assert far["hypervolume"] == 0.0


@settings(max_examples=40)
@given(POINTS)
def test_contributions_are_what_is_lost(trials, rows):
    frame = trials(np.array([row[0] for row in rows]) / 10, [row[1] for row in rows])
    box = analysis.Reference(("accuracy", "neurons"), (1.0, 0.0), (0.0, 100.0))
    front = analysis.contributions(frame, reference=box)
    whole = analysis.hypervolume(front, reference=box)
    for trial, contribution in zip(front["trial"], front["contribution"], strict=True):
        rest = front[front["trial"] != trial]
        assert contribution == pytest.approx(whole - analysis.hypervolume(rest, reference=box))
    assert front["contribution"].is_monotonic_decreasing


def test_no_front_no_contributions(trials):
    box = analysis.Reference(("accuracy", "neurons"), (1.0, 0.0), (0.0, 100.0))
    assert analysis.contributions(trials([np.nan], [1]), reference=box).empty
