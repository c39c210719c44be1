"""Tests between methods, against scipy, and at the null."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control, ttest_ind

from analysis.statistics.significance import best_by_test, difference, told_apart
from analysis.statistics.tests import holm


def test_holm_against_its_definition():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    p = np.random.default_rng(0).uniform(size=20)
    assert (holm(p) >= false_discovery_control(p)).all()  # it guards against more than Benjamini and Hochberg


def test_a_difference_has_welchs_interval():
    random = np.random.default_rng(1)
    one, other = random.normal(0, 1, 4), random.normal(1, 3, 6)
    mean, low, high = difference(one, other)
    expected = ttest_ind(other, one, equal_var=False).confidence_interval(0.95)
    assert (mean, low, high) == pytest.approx((other.mean() - one.mean(), expected.low, expected.high))
    assert np.isnan(difference(one[:1], other)[1:]).all()


@pytest.mark.parametrize("size", [3, 10])
def test_the_interval_covers_as_often_as_it_says(size):
    random = np.random.default_rng(size)
    found = [difference(random.normal(size=size), random.normal(2, 2, size=size)) for _ in range(1500)]
    assert np.mean([low <= 2 <= high for _, low, high in found]) >= 0.92


def test_of_equals_none_is_best():
    random = np.random.default_rng(2)
    draws = [{name: random.normal(size=5) for name in "abcd"} for _ in range(400)]
    assert np.mean([best_by_test(values, maximise=True) is not None for values in draws]) <= 0.05


@pytest.mark.parametrize("size", [3, 5])
def test_of_equals_none_is_told_apart_whichever_pair_one_looks_at(size):
    random = np.random.default_rng(3)
    draws = [{name: random.normal(size=size) for name in "abcdefg"} for _ in range(300)]
    assert np.mean([min(told_apart(values).values()) <= 0.05 for values in draws]) <= 0.05


def test_pairs_are_told_apart_by_welchs_test():
    values = {"a": np.array([1.0, 1.1, 0.9]), "b": np.array([5.0, 5.1, 4.9]), "c": np.array([0.8, 1.2, 1.1])}
    p = told_apart(values)
    raw = ttest_ind(values["a"], values["b"], equal_var=False).pvalue
    assert p[frozenset("ab")] == pytest.approx(3 * raw) and p[frozenset("ab")] < 0.05 < p[frozenset("ac")]
    assert told_apart({"a": values["a"], "b": values["b"][:1]}) == {frozenset("ab"): 1.0}


def test_what_is_better_by_far_is_best():
    values = {"a": np.array([1.0, 1.1, 0.9]), "b": np.array([5.0, 5.1, 4.9]), "c": np.array([np.nan, 9.0, 9.0])}
    assert best_by_test(values, maximise=True) == "b"
    assert best_by_test(values, maximise=False) == "a"
    assert best_by_test({"a": values["a"], "b": values["b"][:1]}, maximise=True) is None


def test_values_that_differ_by_rounding_have_no_spread():
    values = {"a": np.array([0.3, 0.1 + 0.2, 0.3]), "b": np.array([0.2, 0.2, 0.2])}
    assert best_by_test(values, maximise=True) is None
    assert difference(values["b"], values["a"]) == pytest.approx((0.1, 0.1, 0.1))
