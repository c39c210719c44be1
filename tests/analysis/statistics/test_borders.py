"""Fronts at the border of a range: found where they are, not by chance, on the scale that is searched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from optuna.distributions import FloatDistribution

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


def test_the_scale_is_that_of_the_draws(trials: Any) -> None:
    """A share drawn evenly from 0 to .95 spans decades, and is no logarithm for that."""
    frame = study(trials, [0.6, 0.7, 0.75, 0.8, 0.85, 0.88])
    assert found(frame)  # by what was drawn, 0.001 to 1
    settings = {"methods": {"group_lasso": {}}}
    even, whole = FloatDistribution(0.0, 0.95), FloatDistribution(0.0, 1.0)
    assert borders(frame, settings, declared={"group_lasso": {"lambda": even}}) == ()
    ended = study(trials, [0.96, 0.97, 0.98, 0.99, 1.0, 1.0])
    assert borders(ended, settings, declared={"group_lasso": {"lambda": whole}}) == ()  # nothing lies beyond 1
    (border,) = borders(ended, settings, declared={"group_lasso": {"lambda": FloatDistribution(0.0, 1.01)}})
    assert border.wider == pytest.approx((0.0, 1.515)) and border.alike == ("group_lasso",)


@pytest.mark.parametrize(
    ("low", "high", "log", "end", "wider"),
    [
        (0.02, 0.2, True, "upper", (0.02, 0.4)),
        (0.02, 0.2, True, "lower", (0.01, 0.2)),
        (0.0, 0.95, False, "upper", (0.0, 0.975)),
        (0.2, 0.8, False, "lower", (0.1, 0.8)),
        (-1.0, 1.0, False, "lower", (-2.0, 1.0)),
    ],
)
def test_a_wider_range_goes_on_where_it_ended(
    low: float, high: float, log: bool, end: str, wider: tuple[float, float]
) -> None:
    assert Border("npn", "lr", low, high, log, end, 3, 6, ("npn",)).wider == pytest.approx(wider)
