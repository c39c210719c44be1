"""What the figure of fronts shows; that it is drawn; that it is written."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import analysis
from analysis.axes import axes_of
from analysis.figures.plane import Plane


def test_data_of_the_fronts(digits):
    data = analysis.front_data(digits)
    assert (data.plane.x.name, data.plane.y.name) == ("neurons", "accuracy")
    assert [cloud.method for cloud in data.clouds] == ["group_lasso", "npn"]
    assert data.clouds[0].front.tolist() == [[0, 10], [20, 90], [30, 95], [60, 97]]
    assert data.clouds[0].dominated.tolist() == []
    assert data.dense == (100.0, 96.0)


def test_window_shows_the_networks_one_would_use(digits):
    data = analysis.front_data(digits)
    (left, right), (bottom, top) = data.plane.across, data.plane.up
    assert left < 20 and right > 100
    assert 86 < bottom < 90 and 97 < top <= 100
    assert data.below == 2  # the empty network and the one of 80 %
    assert analysis.front_data(digits, span=None).below == 0


def test_x_is_logarithmic_from_a_decade_on(trials):
    assert analysis.front_data(trials([0.9, 0.95], [10, 100])).plane.log
    assert not analysis.front_data(trials([0.9, 0.95], [11, 100])).plane.log


def test_objectives_in_either_order(digits):
    swapped = analysis.front_data(digits, ("neurons", "accuracy"))
    assert (swapped.plane.x.name, swapped.plane.y.name) == ("neurons", "accuracy")


def test_staircase_corners():
    y, x = axes_of(("accuracy", "neurons"))
    corners = Plane(x, y, (10, 100), (80, 100), log=False).staircase(np.array([[20.0, 90.0], [50.0, 95.0]]))
    assert corners.tolist() == [[20, 80], [20, 90], [50, 90], [50, 95], [100, 95]]


def test_staircase_of_a_loss_goes_down():
    y, x = axes_of(("mse", "neurons"))
    corners = Plane(x, y, (10, 100), (0, 1), log=False).staircase(np.array([[20.0, 0.5], [50.0, 0.1]]))
    assert corners.tolist() == [[20, 1], [20, 0.5], [50, 0.5], [50, 0.1], [100, 0.1]]


def test_nothing_to_draw(trials):
    with pytest.raises(ValueError, match="nothing to draw"):
        analysis.front_data(trials([np.nan], [10]))


def test_two_objectives_are_needed(digits):
    with pytest.raises(ValueError, match="expected two objectives"):
        analysis.front_data(digits, ("accuracy",))


def test_labels_have_units_and_directions(digits):
    axes = analysis.front_figure(analysis.front_data(digits)).axes[0]
    assert axes.get_xlabel() == "Hidden neurons  (← better)"
    assert axes.get_ylabel() == "Validation accuracy / %  (better →)"


def test_legend_lies_outside_the_axes(digits):
    figure = analysis.front_figure(analysis.front_data(digits))
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert legend.get_window_extent().y0 >= figure.axes[0].get_window_extent().y1
    assert legend.get_window_extent().x1 <= figure.bbox.x1
    assert [text.get_text() for text in legend.get_texts()] == [
        *("group lasso", "NPN", "dense", "selected, to its test score")
    ]


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_files_are_written_and_reproducible(digits, tmp_path, suffix):
    first, second = (
        analysis.save(analysis.front_figure(analysis.front_data(digits)), tmp_path / f"{name}{suffix}").read_bytes()
        for name in "ab"
    )
    assert len(first) > 5000
    assert first == second


@pytest.mark.parametrize(
    ("accuracy", "neurons"),
    [([0.5], [0]), ([0.9], [10]), ([0.2, 1.0], [0, 1e6])],
    ids=["empty", "one", "wide"],
)
def test_extreme_data_can_be_drawn(trials, tmp_path, accuracy, neurons):
    data = analysis.front_data(trials(accuracy, neurons), span=None)
    assert analysis.save(analysis.front_figure(data), tmp_path / "figure.png").stat().st_size > 5000


def test_unknown_suffix_and_width(digits, tmp_path):
    data = analysis.front_data(digits)
    with pytest.raises(ValueError, match=r"got 'figure.jpg'"):
        analysis.save(analysis.front_figure(data), tmp_path / "figure.jpg")
    with pytest.raises(ValueError, match="expected a width"):
        analysis.front_figure(data, "colunm")


def test_saving_leaves_no_figure_open_and_no_setting_changed(digits, tmp_path):
    size = mpl.rcParams["font.size"]
    analysis.save(analysis.front_figure(analysis.front_data(digits)), tmp_path / "figure.png")
    assert plt.get_fignums() == []
    assert mpl.rcParams["font.size"] == size


def test_published_results_with_both_objectives_are_marked(digits):
    entries = [
        {"label": "A", "source": "Table 1", "accuracy": 0.99, "neurons": 15},
        {"label": "B", "source": "Table 2", "accuracy": 0.98, "parameters": 10},
    ]
    data = analysis.front_data(digits, published=entries)
    assert [(mark.label, mark.x, mark.y) for mark in data.published] == [("A", 15, 99.0)]
    assert data.plane.up[1] > 99 and data.plane.across[0] < 15  # they are inside the plane
    figure = analysis.front_figure(data)
    assert [text.get_text() for text in figure.legends[0].get_texts()][-1] == "published (test data)"
    assert "A" in [text.get_text() for text in figure.axes[0].texts]


def test_large_clouds_do_not_make_large_files(trials, tmp_path):
    def size(count):
        random = np.random.default_rng(0)
        data = analysis.front_data(trials(random.random(count), random.integers(1, 100, count)), span=None)
        return analysis.save(analysis.front_figure(data), tmp_path / f"{count}.svg").stat().st_size

    assert size(10_000) < 2 * size(
        1_900
    )  # an image, and markers, of which five times as many would be five times as large


def test_selected_networks_point_to_their_test_scores_beside_a_standard_error(digits):
    data = analysis.front_data(digits.assign(val_examples=359))
    lasso, npn = data.selected  # 98 % of 96 % are 94.08 %
    assert (lasso.method, lasso.x, lasso.y, lasso.test) == ("group_lasso", 30, 95.0, pytest.approx(94.0))
    assert (npn.method, npn.x) == ("npn", 40)
    assert data.error == pytest.approx(100 * np.sqrt(0.97 * 0.03 / 359))
    bare = analysis.front_data(digits[digits["method"] != "dense"])
    assert bare.selected == () and bare.error is None


def test_a_short_error_bar_is_still_named_inside_the_axes(digits):
    figure = analysis.front_figure(analysis.front_data(digits.assign(val_examples=1_000_000)))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    (said,) = [text for text in axes.texts if "standard error" in text.get_text()]
    assert said.get_window_extent().y0 >= axes.get_window_extent().y0


def test_collapsed_networks_are_counted_and_not_drawn(digits):
    data = analysis.front_data(digits.assign(required_val_accuracy=0.85))
    assert data.collapsed == 2
    assert all(cloud.front[:, 1].min() >= 85 for cloud in data.clouds)
    (axes,) = analysis.front_figure(data).axes
    assert axes.get_title(loc="right").endswith("2 collapsed")
