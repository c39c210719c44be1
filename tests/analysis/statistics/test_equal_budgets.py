"""What n of N trials reach, against simulation and by hand."""

import numpy as np
import pytest

import analysis
from analysis.statistics.equal_budgets import order_weights


@pytest.fixture
def unequal(trials):
    """Dense, npn with 4 configurations, random with 8."""
    random = np.random.default_rng(0)
    return trials(
        [0.96, *random.uniform(0.85, 0.97, 12)],
        [100, *random.integers(5, 100, 12)],
        method=["dense", *["npn"] * 4, *["random"] * 8],
        epochs=[10.0, *[5.0] * 4, *[10.0] * 8],
    )


@pytest.mark.parametrize(("total", "drawn"), [(1, 1), (5, 2), (64, 16), (64, 64)])
def test_weights_are_those_of_drawing(total, drawn):
    weights = order_weights(total, drawn)
    assert weights.sum() == pytest.approx(1.0)
    random = np.random.default_rng(0)
    best = [random.permutation(total)[:drawn].min() for _ in range(2000)]
    simulated = np.bincount(best, minlength=total) / 2000
    assert np.abs(weights - simulated).max() < 0.05


def test_all_trials_give_what_was_found(unequal):
    found = analysis.equal_budgets(unequal).set_index(["method", "drawn"])
    for method, size in (("npn", 4), ("random", 8)):
        own = unequal[unequal["method"] == method]
        line = found.loc[method, size]
        assert line["best"] == pytest.approx(own["val_accuracy"].max())
        good = own[own["val_accuracy"] >= 0.98 * 0.96]
        assert line["reached"] == float(len(good) > 0)
        assert line["share"] == pytest.approx(good["neurons"].min() / 100 if len(good) else 1.0)
    assert found.loc["npn", 2]["epochs"] == 10.0 and found.loc["random", 2]["epochs"] == 20.0


def test_methods_compare_at_the_same_number(unequal):
    found = analysis.equal_budgets(unequal, budgets=[2]).set_index("method")
    random = np.random.default_rng(1)
    own = unequal[unequal["method"] == "random"]
    values, sizes = own["val_accuracy"].to_numpy(), own["neurons"].to_numpy() / 100
    draws = [random.permutation(8)[:2] for _ in range(4000)]
    best = [values[draw].max() for draw in draws]
    least = [np.where(values[draw] >= 0.98 * 0.96, sizes[draw], 1.0).min() for draw in draws]
    assert found.loc["random", "best"] == pytest.approx(np.mean(best), abs=0.002)
    assert found.loc["random", "share"] == pytest.approx(np.mean(least), abs=0.02)
    assert found.loc["random", "best_low"] <= found.loc["random", "best"] <= found.loc["random", "best_high"]


def test_the_expected_front_of_all_trials_is_the_front(unequal):
    front = analysis.expected_front(unequal, 8)
    assert set(front["method"]) == {"random"}  # npn has four
    own = unequal[unequal["method"] == "random"]
    for _, size, value, reached in front.itertuples(index=False):
        assert value == pytest.approx(own.loc[own["neurons"] <= size, "val_accuracy"].max())
        assert reached == pytest.approx(1.0)
    fewer = analysis.expected_front(unequal, 4)
    assert (fewer[fewer["method"] == "random"]["val_accuracy"].to_numpy() <= front["val_accuracy"] + 1e-12).all()


def test_without_a_control_there_is_no_share(unequal):
    found = analysis.equal_budgets(unequal[unequal["method"] != "dense"])
    assert found["share"].isna().all() and found["best"].notna().all()
