"""Ranks and tests over data sets, by hand, against scipy, and at the null."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import friedmanchisquare, rankdata, wilcoxon

from analysis.statistics.over_sets import alike, critical_difference, friedman, ranks, wilcoxon_holm, win_tie_loss

RANDOM = np.random.default_rng(7)
SCORES = pd.DataFrame(RANDOM.normal([0, 1, 0.2, 1.1], 1, size=(14, 4)).round(1), columns=["a", "b", "c", "d"])
"""With ties."""


def test_ranks_by_hand_and_by_scipy():
    scores = pd.DataFrame({"a": [3.0, 1.0], "b": [3.0, 2.0], "c": [1.0, 3.0]})
    assert ranks(scores).to_numpy().tolist() == [[1.5, 1.5, 3], [3, 2, 1]]
    assert ranks(scores, maximise=False).to_numpy().tolist() == [[2.5, 2.5, 1], [1, 2, 3]]
    assert (ranks(SCORES, maximise=False).to_numpy() == rankdata(SCORES, axis=1)).all()


def test_friedman_is_scipys():
    assert friedman(SCORES) == pytest.approx(friedmanchisquare(*SCORES.to_numpy().T).pvalue)
    assert np.isnan(friedman(SCORES.iloc[:1])) and friedman(SCORES * 0) == 1.0


def test_the_critical_difference_has_the_tabled_quantiles():
    assert critical_difference(4, 14) == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 14)), rel=1e-3)
    assert critical_difference(4, 14, 0.10) == pytest.approx(2.291 * np.sqrt(20 / 84), rel=1e-3)


def test_pairs_are_wilcoxons_with_holm():
    found = wilcoxon_holm(SCORES).set_index(["one", "other"])
    apart = (SCORES["a"] - SCORES["b"]).to_numpy()
    assert found.loc[("a", "b"), "p"] == pytest.approx(wilcoxon(apart[apart != 0]).pvalue)
    assert (found["adjusted"] >= found["p"]).all()
    assert found["adjusted"].min() == pytest.approx(min(6 * found["p"].min(), 1.0))


def test_few_sets_tell_nothing_apart():
    scores = pd.DataFrame({"a": [1.0, 2, 3, 4, 5], "b": [0.0, 1, 2, 3, 4], "c": [-1.0, 0, 1, 2, 3]})
    assert wilcoxon_holm(scores)["p"].tolist() == pytest.approx([2**-4] * 3)
    assert alike(ranks(scores).mean(), wilcoxon_holm(scores)) == (("a", "b", "c"),)


def test_groups_are_the_largest_that_no_test_splits():
    average = pd.Series({"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0})
    pairs = pd.DataFrame(
        {"one": list("aaabbc"), "other": list("bcdcdd"), "adjusted": [0.2, 0.01, 0.01, 0.3, 0.01, 0.9]}
    )
    assert alike(average, pairs) == (("a", "b"), ("b", "c"), ("c", "d"))


def test_wins_ties_and_losses():
    scores = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, 1.0, 4.0], "x": [9.0, np.nan, 9.0]})
    assert win_tie_loss(scores, "b").to_dict("records") == [{"method": "a", "win": 1, "tie": 1, "loss": 1}]
    assert win_tie_loss(scores, "b", margin=1.0)["tie"].tolist() == [3]
    with pytest.raises(ValueError, match="against: expected one of a, b, but got 'x'"):
        win_tie_loss(scores, "x")


def test_equal_methods_are_seldom_told_apart():
    random = np.random.default_rng(0)
    draws = [pd.DataFrame(random.normal(size=(10, 4)), columns=list("abcd")) for _ in range(200)]
    assert np.mean([friedman(scores) <= 0.05 for scores in draws]) <= 0.08
    assert np.mean([(wilcoxon_holm(scores)["adjusted"] <= 0.05).any() for scores in draws[:80]]) <= 0.10
