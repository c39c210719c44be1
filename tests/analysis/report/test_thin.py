"""Thinning: fronts whole, the rest by share, the same every time."""

import numpy as np
import pytest

import analysis
from analysis.report.thin import thin

PAIRS = (("accuracy", "neurons"), ("accuracy", "parameters"))


@pytest.fixture
def many(trials):
    random = np.random.default_rng(0)
    count = 6000
    return trials(
        random.random(count),
        random.integers(1, 10_000, count),
        parameters=random.integers(1, 10_000, count),
        method=np.where(np.arange(count) % 3, "npn", "random"),
        status=np.where(np.arange(count) % 10, "COMPLETE", "FAILED"),
    )


def test_every_point_of_every_front_is_shown(many):
    shown = many[thin(many, PAIRS, limit=0, failures=0).rows]
    for method in ("npn", "random"):
        for pair in PAIRS:
            front = analysis.distinct(analysis.pareto(many[many["method"] == method], pair), pair)
            assert set(front.index) <= set(shown.index)


def test_the_rest_is_drawn_by_share(many):
    found = thin(many, PAIRS, limit=300, failures=50)
    assert 290 <= found.dominated_shown <= 300
    assert (found.failed, found.failed_shown) == (600, 50)
    assert found.rows.sum() == (5400 - found.dominated) + found.dominated_shown + 50
    cloud = many[found.rows & (many["status"] == "COMPLETE")]
    assert (cloud["method"] == "npn").mean() == pytest.approx(2 / 3, abs=0.05)


def test_small_studies_are_whole(many):
    small = many.head(100)
    found = thin(small, PAIRS)
    assert found.rows.all() and found.dominated_shown == found.dominated


def test_repetitions_of_a_point_count_as_dominated(trials):
    found = thin(trials([0.9] * 50, [10] * 50), PAIRS[:1], limit=5)
    assert (found.rows.sum(), found.dominated, found.dominated_shown) == (6, 49, 5)


def test_any_index_will_do(many):
    other = many.set_axis(np.arange(len(many)) + 17)
    assert (thin(other, PAIRS, limit=100).rows == thin(many, PAIRS, limit=100).rows).all()
