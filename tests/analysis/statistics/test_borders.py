"""Fronts at the border of a range: found where they are, not by chance, on the scale that is searched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.statistics.borders import Border, borders

ACCURACY = [0.80, 0.85, 0.90, 0.92, 0.94, 0.96]
NEURONS = [10, 20, 30, 40, 50, 60]


def study(trials: Any, values: list[float], others: int = 30) -> Any:
    """A front of six points with these values of lambda, over trials of which none is on it."""
    drawn = np.geomspace(1e-3, 1.0, others).tolist()
    return trials(
        [*ACCURACY, *[0.5] * others],
        [*NEURONS, *[90] * others],
        method=["group_lasso"] * (6 + others),
        trial=[f"t{number}" for number in range(6 + others)],
        param_lambda=[*values, *drawn],
    )


def found(frame: Any, **space: Any) -> tuple[Border, ...]:
    return borders(frame, {"methods": {"group_lasso": {"space": space}}})


def test_a_front_at_the_upper_end_is_told_with_its_range(trials: Any) -> None:
    (border,) = found(study(trials, [0.9, 0.95, 0.99, 0.8, 0.1, 0.01]))
    assert (border.parameter, border.end, border.near, border.points) == ("lambda", "upper", 4, 6)
    assert "lambda (0.001 to 1), 67% of the front's 6 points within 5% of the upper end" in str(border)


def test_a_front_inside_its_range_is_not(trials: Any) -> None:
    assert found(study(trials, [0.9, 0.95, 0.3, 0.2, 0.1, 0.01])) == ()


@pytest.mark.parametrize("setting", [[1e-3, 10], {"low": 1e-3, "high": 10}])
def test_the_range_is_that_of_the_study(trials: Any, setting: object) -> None:
    """What was searched reaches further than what was drawn."""
    assert found(study(trials, [0.9, 0.95, 0.99, 0.8, 0.1, 0.01]), **{"lambda": setting}) == ()


def test_few_points_or_few_trials_tell_nothing(trials: Any) -> None:
    assert found(study(trials, [0.9, 0.95, 0.2, 0.2, 0.1, 0.01])) == ()
    assert found(study(trials, [1.0] * 6, others=1)) == ()
