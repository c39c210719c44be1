"""Intervals per method over searches."""

import numpy as np
import pytest

import analysis


@pytest.fixture
def repeated(trials):
    return trials(
        [0.96, 0.98, 0.96, 0.97, 0.50],
        [100, 100, 50, 30, 10],
        method=["dense"] * 2 + ["npn"] * 3,
        search=[0, 1, 0, 1, 1],
    )


def test_mean_and_interval_per_method(repeated):
    table = analysis.intervals(repeated)
    npn = table.frame.set_index("method").loc["npn"]
    half, third, tenth = 1 - np.log([50, 30, 10]) / np.log(100)
    volumes = [0.96 * half, 0.97 * third + 0.5 * (tenth - third)]
    interval = 12.706 * np.std(volumes, ddof=1) / np.sqrt(2)
    assert npn["runs"] == 2
    assert npn["hypervolume"] == pytest.approx(np.mean(volumes))
    assert npn["hypervolume_low"] == 0 > np.mean(volumes) - interval  # there is no less
    assert npn["hypervolume_high"] == pytest.approx(np.mean(volumes) + interval, abs=1e-4)
    assert npn["fewest"] == 40.0
    assert table.rows[1][2:] == ["40.0 [0.0, 167.1]", "0.1445, 0.3729", "30, 50"]


def test_caption_names_runs_and_baseline(repeated):
    assert analysis.intervals(repeated).caption == (
        "Mean [95 % t interval] over 2 searches. Hypervolume: share of the box up to accuracy 0, neurons"
        " 100 (log). Fewest neurons: the smallest network within 1 point of the dense baseline's validation"
        " accuracy of 97 % (mean; each search by its own). t intervals take values for normal: of evenly spread ones"
        " over 2 searches they cover 93 % where they say 95 %."
    )


def test_one_run_has_no_intervals_and_says_so(repeated):
    table = analysis.intervals(repeated[repeated["search"] == 1])
    assert table.caption.startswith("One search each, so without intervals.")
    assert table.rows[1] == ["NPN", "0.3729", "30.0"]


def test_without_a_baseline_there_is_no_fewest(repeated):
    assert "fewest" not in analysis.intervals(repeated[repeated["method"] == "npn"]).frame
