"""What a configuration, the baseline, the bound and the front are, on frames small enough to see it."""

import numpy as np
import pytest

import analysis
from analysis.axes import axes_of


@pytest.fixture
def seeded(trials):
    """Two dense configurations and two of npn, each with two seeds."""
    return trials(
        [0.99, 0.91, 0.96, 0.96, 0.98, 0.90, 0.95, 0.95],
        [100, 100, 100, 100, 20, 40, 30, 30],
        method=["dense"] * 4 + ["npn"] * 4,
        configuration=[0, 0, 1, 1] * 2,
        data_seed=[0, 1] * 4,
    )


def test_a_configuration_is_the_mean_of_its_seeds(seeded):
    rows = analysis.configurations(seeded)
    assert rows["seeds"].tolist() == [2] * 4
    assert rows["val_accuracy"].tolist() == pytest.approx([0.95, 0.96, 0.94, 0.95])
    assert rows["neurons"].tolist() == [100, 100, 30, 30]
    assert rows["train_seconds"].tolist() == [2.0] * 4
    assert analysis.configurations(rows) is rows


def test_without_repetitions_configurations_are_the_trials(digits):
    rows = analysis.configurations(digits)
    assert (rows["seeds"] == 1).all()
    assert rows.drop(columns="seeds").equals(digits)


def test_the_luckiest_seed_is_on_no_front(seeded):
    front = analysis.pareto(seeded[seeded["method"] == "npn"])
    assert front["trial"].tolist() == ["group_lasso-00006"]


def test_the_baseline_is_the_mean_of_its_best_configuration(seeded):
    found = analysis.baseline(seeded)
    assert found == analysis.Baseline(pytest.approx(0.96), pytest.approx(0.95), 2, "group_lasso-00002")
    (accuracy,) = axes_of(("accuracy",))
    assert found.bound(accuracy, 0.01) == pytest.approx(0.95)
    assert found.kept(accuracy) == pytest.approx(0.98 * 0.96)
    small = analysis.fewest(seeded, "neurons", "accuracy", found.bound(accuracy, 0.0100001))
    assert (small["method"], small["neurons"]) == ("npn", 30)


def test_each_search_has_its_own_best_dense_network(trials):
    frame = trials([0.9, 0.95, 0.97, 0.91], [100] * 4, method="dense", search=[0, 0, 1, 1])
    assert analysis.baseline(frame).validation == pytest.approx(0.96)


def test_a_diverged_seed_spoils_its_configuration_and_a_lost_one_does_not(seeded):
    failed = seeded.assign(status=["COMPLETE"] * 7 + ["FAILED"], epochs=[5.0] * 8)
    assert analysis.configurations(failed)["status"].tolist() == ["COMPLETE"] * 3 + ["FAILED"]
    lost = failed.assign(epochs=[5.0] * 7 + [np.nan])
    assert analysis.configurations(lost)["status"].tolist() == ["COMPLETE"] * 4
    assert analysis.configurations(lost)["seeds"].tolist() == [2, 2, 2, 1]


def test_collapsed_networks_are_on_no_front_and_are_counted(digits):
    frame = digits.assign(required_val_accuracy=0.85)
    assert analysis.collapsed(frame).tolist() == [False] * 5 + [True, False, False, True, False]
    assert set(analysis.pareto(frame)["trial"]) & {"t5", "t8"} == set()
    left = analysis.left_out(frame).set_index("why")["trials"]
    assert left["accuracy short of what is required"].tolist() == [1, 1]


def test_what_a_study_requires_comes_with_it(study_writer, tmp_path):
    place = study_writer(tmp_path / "s", trials=6, seeds=2, require={"accuracy": 0.9})
    trials = analysis.load(place).trials
    assert (trials["required_val_accuracy"] == 0.9).all()
    assert trials["configuration"].tolist() == (trials["number"] // 2).tolist()
    assert analysis.configurations(trials).groupby("method", observed=True).size().unique().tolist() == [6]
    assert (analysis.pareto(trials)["val_accuracy"] >= 0.9).all()
