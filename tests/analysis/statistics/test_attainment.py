"""Attainment surfaces against counting runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analysis

ROWS = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(0, 3), st.sampled_from(["npn", "random"])),
    min_size=1,
    max_size=24,
)


def frame_of(trials, rows):
    accuracy, neurons, seeds, methods = zip(*rows, strict=True)
    return trials(np.array(accuracy) / 10, neurons, search=list(seeds), method=list(methods))


def share(frame, accuracy, neurons) -> float:
    reach = (frame["val_accuracy"] >= accuracy) & (frame["neurons"] <= neurons)
    return reach.groupby(frame["search"]).any().mean()


def test_closed_form(trials):
    # Four runs of one network each: k of them attain the worst accuracy of k at the size of the largest.
    frame = trials([0.9, 0.8, 0.7, 0.6], [40, 30, 20, 10], search=[0, 1, 2, 3])
    surface = analysis.attainment(frame, levels=(25, 50))
    assert set(surface["runs"]) == {4}
    corners = {
        level: sorted(zip(part["val_accuracy"], part["neurons"], strict=True))
        for level, part in surface.groupby("level")
    }
    assert corners[25] == [(0.6, 10), (0.7, 20), (0.8, 30), (0.9, 40)]
    assert corners[50] == [(0.6, 20), (0.7, 30), (0.8, 40)]


@settings(max_examples=30)
@given(ROWS)
def test_each_corner_is_attained_by_enough_runs_and_no_better_one_is(trials, rows):
    frame = frame_of(trials, rows)
    surface = analysis.attainment(frame)
    for (method, level), part in surface.groupby(["method", "level"]):
        group = frame[frame["method"] == method]
        needed = level / 100 if group["search"].nunique() > 1 else 1.0
        for accuracy, neurons in zip(part["val_accuracy"], part["neurons"], strict=True):
            assert share(group, accuracy, neurons) >= needed
            assert share(group, accuracy + 0.1, neurons) < needed
            assert share(group, accuracy, neurons - 1) < needed


@settings(max_examples=30)
@given(ROWS)
def test_difference_counts_runs_at_every_corner(trials, rows):
    frame = frame_of(trials, [*rows, (3, 3, 0, "npn"), (2, 2, 0, "random")])
    npn, random = (frame[frame["method"] == method] for method in ("npn", "random"))
    grid = analysis.attainment_difference(frame, "npn", "random")
    for _, corner in grid.iterrows():
        place = corner["val_accuracy"], corner["neurons"]
        assert corner["one"] == pytest.approx(share(npn, *place))
        assert corner["other"] == pytest.approx(share(random, *place))
        assert corner["difference"] == pytest.approx(corner["one"] - corner["other"])


def test_one_run_has_its_front_and_no_band(digits):
    surface = analysis.attainment(digits.assign(search=0))
    assert set(surface["level"]) == {50}
    assert set(surface["runs"]) == {1}
    lasso = surface[surface["method"] == "group_lasso"]
    assert sorted(lasso["val_accuracy"]) == [0.1, 0.9, 0.95, 0.97]


def test_wrong_input(digits):
    frame = digits.assign(search=0)
    with pytest.raises(ValueError, match="two or three objectives"):
        analysis.attainment(frame, ("accuracy",))
    with pytest.raises(ValueError, match="method 'nnp' has no admissible trial"):
        analysis.attainment_difference(frame, "nnp", "npn")


def test_nothing_admissible(trials):
    assert analysis.attainment(trials([np.nan], [1], search=0)).empty
