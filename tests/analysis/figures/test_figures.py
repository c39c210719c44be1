"""What each figure shows, against numbers worked out by hand; and that each can be drawn and written."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import analysis
from analysis.figures.learning import LAYERS
from analysis.figures.sharpness import planned
from analysis.figures.slices import slice_of
from analysis.units import unit_of
from trainables.groups import trace
from trainables.methods import Setting, method_class, stack_knobs


def test_hypervolume_is_of_the_trials_so_far(trials):
    frame = trials([0.5, 0.8, 0.7], [50, 50, 20], method="npn", train_seconds=[60.0, 120.0, 180.0])
    data = analysis.hypervolume_data(frame, over="train_seconds")
    assert data.unit == "min"
    assert data.box == "accuracy 0, neurons 100 (log)"
    half, fifth = 1 - np.log([50, 20]) / np.log(100)
    expected = [[1, 0.5 * half], [3, 0.8 * half], [6, 0.8 * half + 0.7 * (fifth - half)]]
    assert data.paths["npn"] == pytest.approx(np.array(expected))


def test_hypervolume_leaves_the_control_out(digits):
    assert set(analysis.hypervolume_data(digits).paths) == {"group_lasso", "npn"}


@pytest.mark.parametrize(
    ("seconds", "unit"), [(0, "s"), (119, "s"), (120, "min"), (7199, "min"), (7200, "h"), (172800, "d")]
)
def test_units_of_time_leave_two_at_least(seconds, unit):
    assert unit_of(seconds)[0] == unit


def test_budget_counts_what_gave_no_result(digits):
    data = analysis.budget_data(digits.assign(train_seconds=120.0))
    assert data.unit == "min"
    lasso = data.methods[1]
    assert (lasso.method, lasso.trials, lasso.time, lasso.other_trials, lasso.other_time) == ("group_lasso", 4, 8, 1, 2)


def test_learning_is_in_printed_units(study):
    data = analysis.learning_data(study.curves, ["npn-00001"], polish=2)
    (course,) = data.courses
    row = study.trials.set_index("trial").loc["npn-00001"]
    assert course.epochs.tolist() == [1, 2, 3, 4, 5, 6]
    assert course.score[-1] == pytest.approx(100 * row["val_accuracy"])
    assert course.widths[-1].tolist() == list(row["widths"])
    assert data.polish == 4


def test_learning_needs_curves(study):
    with pytest.raises(ValueError, match=r"trials that have curves, got \['npn-00008'\]"):
        analysis.learning_data(study.curves, ["npn-00001", "npn-00008"])


def test_widths_go_along_the_front(study):
    data = analysis.widths_data(study.trials, "npn")
    front = analysis.distinct(analysis.pareto(study.trials[study.trials["method"] == "npn"]))
    assert len(data.points) == len(front)
    assert (np.diff(data.points[:, 0]) > 0).all()
    assert data.widths.sum(axis=1).tolist() == data.points[:, 0].tolist()
    assert (data.dense == [64, 32]).all()


def test_widths_need_a_front(study):
    with pytest.raises(ValueError, match="got 'drop_neuron', which has none"):
        analysis.widths_data(study.trials, "drop_neuron")


def plan_of(study, **changes):
    trial = study.trials.set_index("trial", drop=False).loc["npn-00001"]
    for name, value in changes.items():
        trial[f"param_{name}"] = value
    return analysis.sharpness_data(trial, study.curves, epochs=10, polish=2)


def test_sharpness_has_three_stages(study):
    assert plan_of(study).stages == ((1, 7.0), (3, 9.0), (6, 5000.0))  # stage_1 = .2, stage_2 = .5
    assert len(plan_of(study).neurons) == 6


def test_gates_are_shares_and_gone_with_polishing(study):
    shares = plan_of(study).gates
    assert shares.shape == (6, 20)
    assert np.isnan(shares[4:]).all()
    assert shares[:4].sum(axis=1) == pytest.approx(1)
    assert shares[3, [0, 14, 19]] == pytest.approx([0.33, 0.17, 0.5])


def test_a_study_without_recorded_gates_has_a_plan_all_the_same(study):
    trial = study.trials.set_index("trial", drop=False).loc["npn-00001"]
    data = analysis.sharpness_data(trial, study.curves.assign(gates=None), epochs=10)
    assert data.gates.shape == (6, 0)
    assert len(analysis.sharpness_figure(data).axes) == 2


def test_stages_are_drawn_where_they_were_recorded(study):
    """Whatever the plan says; what is polished is frozen."""
    curves = study.curves.assign(state_k=study.curves["epoch"].map({1: 3.0, 2: 3.0, 3: 4.0, 4: 4.0}))
    trial = study.trials.set_index("trial", drop=False).loc["npn-00001"]
    assert analysis.sharpness_data(trial, curves, epochs=6, polish=2).stages == ((1, 3.0), (3, 4.0), (5, 5000.0))
    assert analysis.sharpness_data(trial, curves, epochs=8, polish=2).stages == ((1, 3.0), (3, 4.0))  # it broke off


@pytest.mark.parametrize("epochs", [10, 15, 30, 61])
def test_older_studies_have_their_stages_where_training_had_them(study, epochs):
    trial = study.trials.set_index("trial", drop=False).loc["npn-00001"]
    npn = method_class("npn")
    method = npn(trace(nn.Linear(2, 1), torch.zeros(1, 2)), Setting(100, 1, epochs, epochs))
    for share in np.linspace(0.02, 0.98, 97).round(2):
        trial["param_stage_1"], trial["param_stage_2"] = share, 1.0
        knobs = stack_knobs(npn.declaration, [{"stage_1": share, "stage_2": 1.0}], 1)
        second = [epoch + 1 for epoch in range(epochs) if method._stage(knobs, epoch) == 1]
        assert [at for at, k in planned(trial, epochs) if k == 9.0] == second[:1], share


def test_polishing_freezes_the_gates_in_any_case(study):
    assert plan_of(study, stage_2=0.95).stages[-1] == (9, 5000.0)


def test_a_stage_without_epochs_is_left_out(study):
    assert plan_of(study, stage_1=0.5).stages == ((1, 7.0), (6, 5000.0))


def test_expanding_has_its_own_sharpness(study):
    assert plan_of(study, mode="expand", k_expand=1.5).stages[1] == (3, 1.5)


def test_only_gated_trials_have_a_plan(study):
    trial = study.trials.set_index("trial", drop=False).loc["group_lasso-00001"]
    with pytest.raises(ValueError, match="expected a trial of npn, got 'group_lasso-00001'"):
        analysis.sharpness_data(trial, study.curves, epochs=10)


def test_slices_are_of_what_was_searched(study):
    data = analysis.slices_data(study.trials, "npn")
    assert [part.name for part in data.slices] == ["cadence", "lambda", "lr"]  # k, the stages and mode were pinned
    words, strength, _ = data.slices
    assert words.words == ("epoch", "step") and set(words.numbers) == {0.0, 1.0}
    assert strength.log and len(strength.numbers) == len(data.score)


def test_missing_words_are_missing(study):
    part = slice_of(study.trials["param_cadence"], "cadence")
    assert np.isnan(part.numbers).sum() == study.trials["param_cadence"].isna().sum() > 0


def test_parallel_coordinates_span_their_scales(study):
    data = analysis.parallel_data(study.trials, "npn")
    assert [one.name for one in data.coordinates] == ["cadence", "lambda", "lr", "accuracy", "neurons"]
    assert data.heights.min(axis=0) == pytest.approx(0) and data.heights.max(axis=0) == pytest.approx(1)
    best = np.argmax(data.coordinates[3].numbers)
    assert data.shades[best] == 1.0


def test_boundary_is_where_the_prediction_changes():
    points = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    data = analysis.boundary_data(lambda x: np.column_stack([-x[:, 0], x[:, 0]]), points, np.array([0, 1, 1]), grid=9)
    assert data.predicted.shape == (9, 9)
    assert (data.predicted[:, data.across > 0] == 1).all()
    assert (data.predicted[:, data.across < 0] == 0).all()


def test_boundary_needs_a_plane():
    with pytest.raises(ValueError, match=r"points \(n, 2\) of at most 3 classes, got \(4, 3\)"):
        analysis.boundary_data(lambda x: x, np.zeros((4, 3)), np.zeros(4, dtype=int))


def moons(study):
    points = np.random.default_rng(0).normal(size=(30, 2))
    labels = (points[:, 0] > 0).astype(int)
    return analysis.boundary_data(lambda x: np.column_stack([-x[:, 0], x[:, 0]]), points, labels, grid=20)


DRAWN = {
    "hypervolume": lambda study: analysis.hypervolume_figure(analysis.hypervolume_data(study.trials)),
    "budget": lambda study: analysis.budget_figure(analysis.budget_data(study.trials)),
    "tolerance": lambda study: analysis.tolerance_figure(analysis.tolerance_data(study.trials)),
    "learning": lambda study: analysis.learning_figure(analysis.learning_data(study.curves, ["npn-00001"], polish=2)),
    "widths": lambda study: analysis.widths_figure(analysis.widths_data(study.trials, "npn")),
    "sharpness": lambda study: analysis.sharpness_figure(plan_of(study)),
    "slices": lambda study: analysis.slices_figure(analysis.slices_data(study.trials, "npn")),
    "parallel": lambda study: analysis.parallel_figure(analysis.parallel_data(study.trials, "npn")),
    "importance": lambda study: analysis.importance_figure(analysis.importance(study.trials)),
    "boundary": lambda study: analysis.boundary_figure(moons(study)),
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_is_drawn_with_named_axes(study, tmp_path, name):
    figure = DRAWN[name](study)
    assert analysis.save(figure, tmp_path / f"{name}.svg").stat().st_size > 5000
    named = [axes.get_xlabel() or axes.get_ylabel() for axes in figure.axes]
    assert any(named) or name == "parallel"  # whose axes are named by ticks


def test_the_map_of_layers_is_readable_in_grey():
    from matplotlib import colormaps

    grey = colormaps[LAYERS](np.linspace(0, 1, 11))[:, :3] @ [0.299, 0.587, 0.114]
    assert (np.diff(grey) > 0.03).all()


@pytest.mark.parametrize("name", [name for name in analysis.drawables() if name != "boundary"])
def test_every_figure_has_a_name_and_is_drawn_of_what_fits(study, name):
    figure = analysis.draw(study, name)
    assert figure.axes


def test_a_boundary_is_drawn_of_the_networks_one_has(study):
    trial = str(study.trials["trial"].iloc[20])
    of = analysis.Subject(trial=trial, boundaries={("made-up", trial): moons(study)})
    assert analysis.draw(study, "boundary", of).axes
    with pytest.raises(ValueError, match="expected a kept network of data that lie in a plane"):
        analysis.draw(study, "boundary")


@pytest.mark.parametrize(
    "name, subject, message",
    [
        ("fornt", {}, r"name: expected one of front, .*; did you mean 'front'\?"),
        ("slices", {"method": "npm"}, r"method: expected one of dense, .*; did you mean 'npn'\?"),
        ("learning", {"trial": "npn-1"}, "trial: expected a finished trial of the study, but got 'npn-1'"),
        ("front", {"objectives": "accuracy"}, "objectives: expected names such as"),
    ],
)
def test_what_is_asked_for_is_checked_by_name(study, name, subject, message):
    with pytest.raises(ValueError, match=message):
        analysis.draw(study, name, analysis.Subject(**subject))


def test_all_figures_are_for_every_method_and_count(study):
    files = [file for file, _, _ in analysis.every(study)]
    assert len(files) == len(set(files))
    assert {"front-accuracy-neurons", "front-accuracy-flops", "slices-npn", "widths-random", "sharpness-npn"} <= {
        *files
    }
    assert "sharpness-magnitude" not in files and "slices-dense" not in files


def test_text_in_an_svg_is_text(study, tmp_path):
    text = analysis.save(analysis.draw(study, "front"), tmp_path / "front.svg").read_text()
    assert ">Hidden neurons" in text and ">NPN</text>" in text


def test_pairs_are_of_what_bears_most_on_the_objective(study):
    data = analysis.pairs_data(study.trials, "npn", most=2)
    assert data.parameters[0].name == "lambda" and len(data.parameters) == 2
    assert data.shades.min() == 0 and data.shades.max() == 1
    with pytest.raises(ValueError, match="two parameters that vary, but got 'dense'"):
        analysis.pairs_data(study.trials, "dense")


def test_packs_at_once_have_lines_of_their_own(trials):
    ends = pd.to_datetime(["2026-01-02T00:00:10Z"] * 2 + ["2026-01-02T00:00:12Z"] * 2 + ["2026-01-02T00:00:20Z"])
    frame = trials(
        [0.5, 0.6, 0.7, 0.7, 0.8],
        [50, 40, 30, 30, 20],
        pack=["a", "a", "b", "b", "c"],
        finished_at=ends,
        train_seconds=[5.0, 5.0, 4.0, 4.0, 9.5],
        epochs=3,
        device="cpu",
    )
    bars = analysis.packs(frame)  # a: 0..10, b: 4..12, c: 10.5..20
    assert bars["start"].tolist() == [0, 4, 10.5] and bars["end"].tolist() == [10, 12, 20]
    assert bars["line"].tolist() == [0, 1, 0] and bars["trials"].tolist() == [2, 2, 1]
    data = analysis.timeline_data(frame)
    assert data.epochs.tolist() == [[0, 0], [10, 6], [12, 12], [20, 15]]
    assert data.volumes["group_lasso"][:, 0].tolist() == [10, 12, 20]
    # The last dominates all.
    assert data.volumes["group_lasso"][-1, 1] == pytest.approx(
        0.8 * (1 - np.log(20) / np.log(100))
    )  # the last dominates all


def test_packs_are_drawn_on_the_workers_that_trained_them(trials):
    ends = pd.to_datetime(["2026-01-02T00:00:10Z", "2026-01-02T00:00:12Z", "2026-01-02T00:00:20Z"])
    workers = ["one/1", "two/1", "two/1"]
    known = {"pack": ["a", "b", "c"], "finished_at": ends, "train_seconds": [10.0, 8.0, 8.0], "epochs": 3}
    frame = trials([0.5, 0.7, 0.8], [50, 30, 20], worker=workers, **known)
    bars = analysis.packs(frame)  # a: 0..10, b: 4..12, c: 12..20, for which the first worker was free, too
    assert bars["line"].tolist() == [0, 1, 1] and bars["worker"].tolist() == workers


def test_a_study_without_finished_packs_has_no_timeline(trials):
    with pytest.raises(ValueError, match="no pack has finished"):
        analysis.timeline_data(trials([0.5], [50], pack="a", finished_at=pd.NaT, epochs=3))
