"""Packs: stacked or one after the other, their rows, failures, resampled data, and restarts between two stacks."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from trainables.recipe import Recipe
from trainables.training.pack import Job, Pack
from trainables.training.stack import Trial

DIGITS = {"name": "digits", "limit": 180}
MLP = {"name": "mlp", "widths": [12, 8]}
RECIPE = Recipe(epochs=3, polish=1, lr=0.05, optimizer={"name": "sgd", "momentum": 0.9})


def job(trials: Any, method: str = "group_lasso", **changes: Any) -> Job:
    return replace(Job(method, DIGITS, MLP, RECIPE, tuple(trials), vectorize="on"), **changes)


def lassos(count: int = 3, **parameters: float) -> list[Trial]:
    return [Trial(f"t{i}", i, i % 2, {"lambda": 0.01 * (i + 1), **parameters}) for i in range(count)]


def run(given: Job) -> Pack:
    return run_on(Pack(given))


def run_on(pack: Pack) -> Pack:
    while not pack.done:
        pack.train_epoch()
    return pack


def assert_rows_agree(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    """Up to what says where and how fast a trial ran."""
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        answers = {"val_answers", "test_answers"}  # squared errors are equal up to float tolerance
        for name in one.keys() - {"lane", "seconds", "train_seconds", "max_abs_difference"} - answers:
            exact = not isinstance(one[name], float)
            assert one[name] == (other[name] if exact else pytest.approx(other[name], rel=1e-4, abs=1e-6)), name


def test_one_after_the_other_equals_stacked(row: Any, training: Any) -> None:
    trials = training.trials(row.settings)
    stacked, looped = (run(job(trials, row.method, vectorize=choice)) for choice in ("on", "off"))
    assert (len(stacked.parts), len(looped.parts)) == (1, len(trials))
    assert_rows_agree(stacked.trial_rows(), looped.trial_rows())
    key = lambda entry: (entry["trial"], entry["epoch"])  # noqa: E731
    assert_rows_agree(sorted(stacked.curve_rows(), key=key), sorted(looped.curve_rows(), key=key))


@pytest.mark.parametrize(
    "data, model, stacks",
    [
        ({}, {"name": "mlp", "widths": [12, 8]}, 1),
        ({}, {"name": "mlp", "widths": [2000, 500]}, 1),
        ({"image": True}, {"name": "convnet", "channels": [16, 32]}, 1),
        ({"image": True}, {"name": "convnet", "channels": [64, 64]}, 3),
    ],
)
def test_large_convolutions_are_looped_on_a_cpu_and_all_else_stacked(data: Any, model: Any, stacks: int) -> None:
    given = job(lassos(), vectorize="auto", device="cpu", data=DIGITS | data, model=model)
    assert len(Pack(given).parts) == stacks


def test_rows_say_what_was_trained_and_found() -> None:
    pack = run(job(lassos()))
    assert [row["trial"] for row in pack.trial_rows()] == ["t0", "t1", "t2"]
    row = pack.trial_rows()[1]
    assert (row["lane"], row["seed"], row["data_seed"], row["epochs"]) == (1, 1, 1, 3)
    assert (row["status"], row["reason"], row["param_lambda"], row["device"]) == ("COMPLETE", None, 0.02, "cpu")
    assert row["dense_widths"] == [12, 8]
    assert row["neurons"] == sum(row["widths"]) <= row["dense_neurons"] == 20
    assert row["flops"] == 2 * row["macs"]
    assert 0 < row["nonzero_weights"] <= 64 * 12 + 12 * 8 + 8 * 10
    for name in ("val_accuracy", "test_accuracy"):
        assert 0.1 < row[name] <= 1
    assert row["train_seconds"] > 0
    curve = [entry for entry in pack.curve_rows() if entry["trial"] == "t1"]
    assert [entry["epoch"] for entry in curve] == [1, 2, 3]
    assert curve[-1]["val_accuracy"] == row["val_accuracy"]
    assert curve[1]["val_accuracy"] == row["val_accuracy_before_polish"]
    assert [entry["lr"] for entry in curve] == pytest.approx([0.05] * 3)
    assert curve[0]["seconds"] < curve[2]["seconds"]


def test_the_accuracy_before_polish_is_that_of_the_pruned_network() -> None:
    """Not of the dense one that magnitude pruning starts from."""
    recipe = replace(RECIPE, epochs=16, polish=6)
    trials = [Trial("pruned", 0, 0, {"sparsity": 0.6}), Trial("whole", 0, 0, {"sparsity": 0.0})]
    pack = run(job(trials, "magnitude", recipe=recipe))
    pruned, whole = pack.trial_rows()
    assert pruned["val_accuracy_before_polish"] < whole["val_accuracy_before_polish"] - 0.1
    assert pruned["val_accuracy_before_polish"] < pruned["val_accuracy"] - 0.1
    assert pruned["unpruned_val_accuracy"] == pytest.approx(whole["val_accuracy_before_polish"])
    assert pruned["unpruned_test_accuracy"] > pruned["val_accuracy_before_polish"] + 0.1
    assert not any(name.startswith("unpruned_") for entry in pack.curve_rows() for name in entry)


def test_scores_before_a_threshold_outlive_a_checkpoint() -> None:
    """DropNeuron's "no prune", for every score; other methods remove as they train, and have none."""
    trials = [Trial("t0", 0, 0, {"threshold": 0.3, "dn": 0.0, "l1": 0.0})]
    given = job(trials, "drop_neuron")
    (row,) = run(given).trial_rows()
    assert row["unpruned_val_accuracy"] > row["val_accuracy_before_polish"]
    scores = {name.removeprefix("unpruned_") for name in row if name.startswith("unpruned_")}
    assert scores == {"val_loss", "val_accuracy", "test_loss", "test_accuracy"}
    stopped = Pack(given)
    for _ in range(RECIPE.epochs - RECIPE.polish):
        stopped.train_epoch()
    resumed = Pack(given)
    resumed.load_state_dict(stopped.state_dict())
    (again,) = run_on(resumed).trial_rows()
    assert {name: again[f"unpruned_{name}"] for name in scores} == {name: row[f"unpruned_{name}"] for name in scores}
    assert not any(name.startswith("unpruned_") for name in run(job(lassos(1))).trial_rows()[0])


def test_a_diverging_trial_is_a_failed_row_with_a_reason() -> None:
    wild = Trial("wild", 9, 0, {"lambda": 0.01, "lr": 1e6})
    with_wild, without = run(job([*lassos(), wild])), run(job(lassos()))
    *others, failed = with_wild.trial_rows()
    assert (failed["status"], failed["param_lr"]) == ("FAILED", 1e6)
    assert failed["reason"].startswith("diverged: ")
    assert not any(name.startswith(("val_", "test_")) for name in failed)
    assert_rows_agree(others, without.trial_rows())
    curve = [entry for entry in with_wild.curve_rows() if entry["trial"] == "wild"]
    assert all(value is None or not isinstance(value, float) or math.isfinite(value) for value in curve[-1].values())


@pytest.mark.parametrize("vectorize", ["on", "off"])
def test_a_pack_whose_trials_all_diverge_ends_early(vectorize: str) -> None:
    pack = Pack(job(lassos(2, lr=1e9), vectorize=vectorize, recipe=replace(RECIPE, epochs=100)))
    calls = 0
    while not pack.done:
        pack.train_epoch()
        calls += 1
    assert calls < 10
    assert [row["status"] for row in pack.trial_rows()] == ["FAILED"] * 2
    assert pack.trial_rows()[0]["epochs"] < 10


def test_progress_is_counted() -> None:
    pack = Pack(job(lassos(2), vectorize="off"))
    seen = []
    while not pack.done:
        seen.append((pack.epochs_done, pack.trials_done))
        pack.train_epoch()
    assert seen == [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 1)]
    assert (pack.epochs_done, pack.epochs_total, pack.trials_done) == (6, 6, 2)


@pytest.mark.parametrize("vectorize", ["on", "off"])
@pytest.mark.parametrize("stop", range(7))
def test_restored_anywhere_equals_uninterrupted(vectorize: str, stop: int, training: Any) -> None:
    """Between the stacks of a looped pack and after its end too."""
    given = job(lassos(2), vectorize=vectorize)
    whole, half = run(given), Pack(given)
    for _ in range(min(stop, half.epochs_total)):
        half.train_epoch()
    restored = Pack(given)
    restored.load_state_dict(training.through_file(half.state_dict()))
    while not restored.done:
        restored.train_epoch()
    for one, other in zip(restored.trial_rows(), whole.trial_rows(), strict=True):
        assert one | {"train_seconds": 0} == other | {"train_seconds": 0}
    for one, other in zip(restored.curve_rows(), whole.curve_rows(), strict=True):
        assert one | {"seconds": 0} == other | {"seconds": 0}


@pytest.mark.parametrize("data", ["moons", "sparse_regression"])
def test_each_data_seed_draws_its_own_data_where_asked(data: str) -> None:
    """Whoever shares the pack, and whether it is stacked or not."""
    trials = [Trial(f"t{i}", i, seed, {"lr": 0.01}) for i, seed in enumerate((5, 3, 5))]
    model = {"name": "mlp", "widths": [6]}
    given = job(trials, "dense", data={"name": data, "resample": True}, model=model)
    stacked, looped = run(given), run(replace(given, vectorize="off"))
    assert_rows_agree(stacked.trial_rows(), looped.trial_rows())
    alone = run(replace(given, trials=trials[1:2]))
    assert_rows_agree(stacked.trial_rows()[1:2], alone.trial_rows())
    drawn = stacked.problem.drawn([5, 3])
    assert not torch.equal(drawn[0].train.x, drawn[1].train.x)
    (shared,) = Pack(replace(given, data={"name": data})).problem.drawn([5, 3])
    assert shared.train.x.shape == drawn[0].train.x.shape


def test_a_reconstruction_is_learned() -> None:
    recipe = replace(RECIPE, epochs=8, lr=0.01, optimizer={"name": "adam"})
    model = {"name": "mlp", "widths": [12]}
    given = job(lassos(2), "dense", data=DIGITS | {"task": "reconstruction"}, model=model, recipe=recipe)
    given = replace(given, trials=tuple(replace(t, parameters={}) for t in given.trials))
    pack = run(given)
    row = pack.trial_rows()[0]
    assert row["val_mse"] == row["val_loss"] < 0.07
    assert row["test_nmse"] < 0.3
    pruned = [entry for entry in pack.curve_rows() if entry["trial"] == "t0"][recipe.epochs - recipe.polish - 1]
    for name in ("val_mse", "val_nmse", "val_loss"):
        assert row[f"{name}_before_polish"] == pruned[name] != row[name]
    assert "val_accuracy_before_polish" not in row


def test_curves_have_the_gates_of_methods_that_have_any(row: Any, training: Any) -> None:
    """While the method is at work: after polishing began there are none."""
    curves = run(job(training.trials(row.settings), row.method)).curve_rows()
    for entry in curves:
        counts = entry.get("gates")
        if row.method == "npn" and entry["epoch"] <= RECIPE.epochs - RECIPE.polish:
            assert sum(counts) == 64 + 12 + 8  # the inputs of each layer
        else:
            assert counts is None


def test_rows_without_polishing_have_the_same_columns(row: Any, training: Any) -> None:
    """The last epoch is then one of the method's own, with gates and state."""
    polished, not_polished = (
        run(job(training.trials(row.settings), row.method, recipe=replace(RECIPE, polish=polish))).trial_rows()[0]
        for polish in (1, 0)
    )
    assert polished.keys() == not_polished.keys()


def test_curves_have_the_sharpness_that_each_epoch_was_trained_with() -> None:
    """0.25 of 10 epochs are 2 and 0.75 are 8, rounded half to even; polishing has no gates."""
    trial = Trial("t", 0, 0, {"k_start": 3.0, "k": 9.0, "stage_1": 0.25, "stage_2": 0.75})
    curves = run(job([trial], "npn", recipe=replace(RECIPE, epochs=10, polish=1))).curve_rows()
    assert [entry.get("state_k") for entry in curves] == [3.0] * 2 + [9.0] * 6 + [5000.0, None]
