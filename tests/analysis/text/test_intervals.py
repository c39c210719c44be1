"""Intervals per method over runs."""

import numpy as np
import pytest

import analysis


@pytest.fixture
def repeated(trials):
    return trials(
        [0.96, 0.98, 0.96, 0.96, 0.50],
        [100, 100, 50, 30, 10],
        method=["dense"] * 2 + ["npn"] * 3,
        data_seed=[0, 1, 0, 1, 1],
    )


def test_mean_and_interval_per_method(repeated):
    table = analysis.intervals(repeated)
    npn = table.frame.set_index("method").loc["npn"]
    volumes = [0.96 * 0.5, 0.96 * 0.7 + 0.5 * 0.2]
    assert npn["runs"] == 2
    assert npn["hypervolume"] == pytest.approx(np.mean(volumes))
    assert npn["hypervolume_low"] == pytest.approx(volumes[0])
    assert npn["hypervolume_high"] == pytest.approx(volumes[1])
    assert (npn["fewest"], npn["fewest_low"], npn["fewest_high"]) == (40.0, 30.0, 50.0)
    assert table.rows[1] == ["NPN", "0.6260 [0.4800, 0.7720]", "40.0 [30.0, 50.0]"]


def test_caption_names_runs_and_baseline(repeated):
    assert analysis.intervals(repeated).caption == (
        "Mean [95 % bootstrap interval] over 2 runs. Hypervolume: share of the box up to accuracy 0, neurons"
        " 100. Fewest neurons: the smallest network within 1 point of the dense baseline's validation"
        " accuracy of 97 %."
    )


def test_one_run_has_no_intervals_and_says_so(repeated):
    table = analysis.intervals(repeated[repeated["data_seed"] == 1])
    assert table.caption.startswith("One run each, so without intervals.")
    assert table.rows[1] == ["NPN", "0.7720", "–"]


def test_without_a_baseline_there_is_no_fewest(repeated):
    assert "fewest" not in analysis.intervals(repeated[repeated["method"] == "npn"]).frame
