"""Hypervolume over a search, against the hypervolume of each prefix."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analysis

ROWS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 99), st.sampled_from(["COMPLETE", "FAILED"])),
    min_size=1,
    max_size=20,
)


@settings(max_examples=30)
@given(ROWS, st.integers(1, 30), st.randoms(use_true_random=False))
def test_each_value_is_the_hypervolume_of_a_prefix(trials, rows, points, random):
    accuracy, neurons, status = zip(*rows, strict=True)
    frame = trials(np.array(accuracy) / 10, neurons, status=list(status))
    box = analysis.Reference(("accuracy", "neurons"), (1.0, 0.0), (0.0, 100.0))
    shuffled = frame.iloc[random.sample(range(len(rows)), len(rows))]
    path = analysis.trajectory(shuffled, reference=box, points=points)
    assert len(path) == min(points, len(rows))
    assert path["trials"].iloc[-1] == len(rows)
    for done, value in zip(path["trials"], path["hypervolume"], strict=True):
        assert value == pytest.approx(analysis.hypervolume(frame.iloc[: int(done)], reference=box))


def test_training_time_adds_up_per_method(trials):
    frame = trials([0.5, 0.6, 0.7], [50, 50, 50], method=["npn", "npn", "random"], train_seconds=[2.0, np.nan, 5.0])
    path = analysis.trajectory(frame, over="train_seconds")
    assert path[["method", "train_seconds"]].to_numpy().tolist() == [
        ["npn", 2.0],
        ["npn", 2.0],
        ["random", 5.0],
    ]


def test_wall_time_orders_by_the_clock(trials):
    clock = pd.to_datetime(["2026-01-01T00:01", "2026-01-01T00:00"], utc=True)
    path = analysis.trajectory(trials([0.5, 0.6], [50, 50], finished_at=clock), over="wall_seconds")
    assert path["wall_seconds"].tolist() == [0.0, 60.0]
    assert path["hypervolume"].tolist() == pytest.approx([0.6 * (1 - np.log(50) / np.log(100))] * 2)


def test_unknown_budget(digits):
    with pytest.raises(ValueError, match="expected trials, train_seconds or wall_seconds, got 'epochs'"):
        analysis.trajectory(digits, over="epochs")
