"""Tables at given compressions and drops: cells, spread, bold, and what is said about the runs."""

import numpy as np
import pytest

import analysis


@pytest.fixture
def repeated(trials):
    """Dense at 96 and 98 %, group lasso and NPN with two networks in each of two runs."""
    return trials(
        [0.96, 0.98, 0.97, 0.90, 0.97, 0.94, 0.96, 0.80, 0.95, 0.96],
        [100, 100, 50, 25, 40, 20, 50, 25, 50, 25],
        method=["dense"] * 2 + ["group_lasso"] * 4 + ["npn"] * 4,
        search=[0, 1, 0, 0, 1, 1, 0, 0, 1, 1],
    )


def test_score_at_compression(repeated):
    table = analysis.score_at_compression(repeated, (2, 4, 8))
    lasso = table.frame.set_index("method").loc["group_lasso"]
    assert lasso["runs"] == 2
    assert lasso["compression_2"] == pytest.approx(0.96)  # tests are a point below validation
    assert lasso["compression_2_spread"] == pytest.approx(0.0)
    assert lasso["compression_4"] == pytest.approx((0.89 + 0.93) / 2)
    assert lasso["compression_4_spread"] == pytest.approx(0.04 / np.sqrt(2))
    assert np.isnan(lasso["compression_8"])
    assert table.rows[1] == ["group lasso", "96.00 ± 0.00", "91.00 ± 2.83", "–"]
    assert table.headings == ["method", "2×", "4×", "8×"]


def test_bold_is_what_a_test_supports_and_never_the_baseline(repeated, trials):
    assert not analysis.score_at_compression(repeated, (1, 2, 8)).bold  # two runs each tell little
    scores = [0.97, 0.98, 0.97, 0.98, 0.90, 0.91, 0.90, 0.91, 0.85, 0.86, 0.85, 0.86]
    frame = trials(
        [0.99] * 4 + scores,
        [100] * 4 + [50] * 12,
        method=["dense"] * 4 + ["group_lasso"] * 4 + ["npn"] * 4 + ["random"] * 4,
        search=[0, 1, 2, 3] * 4,
    )
    table = analysis.score_at_compression(frame, (1, 2, 8))
    assert table.bold == {(1, "compression_1"), (1, "compression_2")}
    assert "**96.50 ± 0.58**" in table.markdown() and "Bold: better than every other method" in table.caption
    assert r"\bfseries 96.50 \pm 0.58" in table.latex()
    assert r"2$\times$" in table.latex()


def test_compression_at_drop(repeated):
    # The dense baselines are 96 and 98 %: 2 points less are 94 and 96 %.
    table = analysis.compression_at_drop(repeated, (0.0, 0.02))
    frame = table.frame.set_index("method")
    assert frame.loc["group_lasso", "drop_0.02"] == pytest.approx((2 + 2.5) / 2)
    assert frame.loc["npn", "drop_0.02"] == pytest.approx((2 + 4) / 2)
    assert np.isnan(frame.loc["group_lasso", "drop_0"])  # the second search's best is 97 %
    assert table.headings == ["method", "≤0 pt", "≤2 pt"]
    assert not table.bold  # nothing that two runs could show


def test_caption_tells_the_runs(repeated):
    assert "over 2 searches" in analysis.score_at_compression(repeated).caption
    assert (
        "one search each, so without a spread"
        in analysis.score_at_compression(repeated[repeated["search"] == 0]).caption
    )


def test_one_run_shows_no_spread(repeated):
    table = analysis.score_at_compression(repeated[repeated["search"] == 0], (2,))
    assert table.rows[1] == ["group lasso", "96.00"]


def test_a_drop_needs_a_baseline(repeated):
    with pytest.raises(ValueError, match="expected a finished trial of the method 'dense'"):
        analysis.compression_at_drop(repeated[repeated["method"] != "dense"])
