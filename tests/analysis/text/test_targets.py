"""What was asked for beside what was reached."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

import analysis


def test_the_best_of_those_that_reach_it_or_else_the_nearest(trials: Callable[..., pd.DataFrame]) -> None:
    frame = trials([0.95, 0.9, 0.97, 0.8, 0.7], [50, 48, 30, 40, 9])
    frame = frame.assign(
        target=[2.0, 2.0, 2.0, 16.0, 16.0], epochs=[60, 60, 50, 60, 60], shared_epochs=[0, 10, 0, 0, 0]
    )
    found = analysis.target_table(frame, count="neurons").frame
    assert found["asked"].tolist() == [2.0, 16.0]
    assert found["reached"].tolist() == pytest.approx([2.0, 100 / 9])
    assert found["score"].tolist() == pytest.approx([0.94, 0.69])
    assert found["epochs"].tolist() == [160.0, 120.0]
    assert "asked for" in analysis.target_table(frame, count="neurons").markdown()


def test_a_study_that_asked_for_none_says_so(trials: Callable[..., pd.DataFrame]) -> None:
    with pytest.raises(ValueError, match="no trial was asked for a compression"):
        analysis.target_table(trials([0.9], [50]))
