"""Paths: lanes that go on with a larger strength, and copies of them that are polished."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from trainables.declarations import declarations
from trainables.training.pack import Job, Pack
from trainables.training.paths import stages
from trainables.training.stack import Trial

STRENGTHS = {"group_lasso": 0.02, "sparse_group_lasso": 0.02, "exclusive_group": 0.02, "drop_neuron": 0.1}
EPOCHS, POLISH, EVERY, POINTS = 4, 1, 2, 3


def points(knob: str, strength: float, paths: int = 2, lr: float = 0.05) -> tuple[Trial, ...]:
    found = []
    for path in range(paths):
        values = [strength * (1 + path) * 2.0**index for index in range(POINTS)]
        for index, value in enumerate(values):
            name, before = f"t{POINTS * path + index}", tuple(values[:index])
            found.append(Trial(name, 100 + path, 0, {knob: value, "lr": lr}, before))
    return tuple(found)


def job_of(training: Any, method: str, trials: Any, **changes: Any) -> Job:
    recipe = training.recipe(epochs=EPOCHS, polish=POLISH)
    data, model = {"name": "digits", "limit": 180}, {"name": "mlp", "widths": [12, 8]}
    path = (declarations()[method].strength, EVERY)
    return Job(method, data, model, recipe, tuple(trials), device="cpu", path=path, **changes)


def trained(pack: Pack) -> dict[str, Any]:
    while not pack.done:
        pack.train_epoch()
    return {row["trial"]: row for row in pack.trial_rows()}


def close(one: Any, other: Any) -> None:
    assert (one["status"], one["neurons"], one["epochs"]) == (other["status"], other["neurons"], other["epochs"])
    assert one["val_loss"] == pytest.approx(other["val_loss"], rel=1e-3)


def test_the_methods_with_a_strength_are_those_that_are_tried_here() -> None:
    assert {name for name, one in declarations().items() if one.strength} == set(STRENGTHS)


@pytest.mark.parametrize("method", STRENGTHS)
def test_a_point_is_the_same_alone_and_the_first_is_an_ordinary_trial(method: str, training: Any) -> None:
    knob = declarations()[method].strength
    trials = points(knob, STRENGTHS[method])
    pack = Pack(job_of(training, method, trials))
    rows = trained(pack)
    assert list(rows) == ["t0", "t3", "t1", "t4", "t2", "t5"], "stage by stage"
    assert [rows[f"t{index}"]["epochs"] for index in range(POINTS)] == [4, 6, 8]
    assert rows["t2"][f"param_{knob}"] == trials[2].parameters[knob]
    for index in (2, 4):
        close(trained(Pack(job_of(training, method, [trials[index]])))[f"t{index}"], rows[f"t{index}"])
    ordinary = job_of(training, method, [trials[0]])
    close(trained(Pack(Job(**{**vars(ordinary), "path": None})))["t0"], rows["t0"])
    curves = [row for row in pack.curve_rows() if row["trial"] == "t5"]
    assert [row["epoch"] for row in curves] == list(range(1, 9))
    assert curves[-1]["val_loss"] == rows["t5"]["val_loss"]
    assert rows["t5"]["val_loss_before_polish"] == curves[-1 - POLISH]["val_loss"]


@pytest.mark.parametrize("method", STRENGTHS)
def test_paths_that_are_stopped_at_each_point_and_go_on_are_uninterrupted(method: str, training: Any) -> None:
    """Bit for bit; the points to come have the state of their path."""
    knob, first = declarations()[method].strength, EPOCHS - POLISH
    job = job_of(training, method, points(knob, STRENGTHS[method]))
    lanes, found = dict[str, Any](), dict[str, Any]()
    expected, trials = trained(whole := Pack(job)), job.trials
    curves = {(row["trial"], row["epoch"]): row["val_loss"] for row in whole.curve_rows()}
    for place in range(POINTS):
        left = list[tuple[Any, Any]]()
        start = first + (place - 1) * EVERY if place else 0
        until = first + place * EVERY if place < POINTS - 1 else None
        segment = replace(job, trials=trials, start=start, until=until)
        pack = Pack(segment, lanes=lanes, leave=lambda *one, to=left: to.append(one))
        rows = trained(pack)
        assert set(rows) == {trial.trial for trial in trials}
        assert pack.epochs_done == pack.epochs_total
        lanes = {row["trial"]: state for own, states in left for row, state in zip(own, states, strict=True)}
        going = [name for name, row in rows.items() if row["status"] == "STOPPED"]
        assert {rows[name]["epochs"] for name in going} <= {until}
        found |= {name: row for name, row in rows.items() if name not in going}
        assert all(curves[row["trial"], row["epoch"]] == row["val_loss"] for row in pack.curve_rows())
        trials = tuple(trial for trial in trials if trial.trial in going)
        assert len(trials) == 2 * (POINTS - 1 - place)
    assert set(found) == set(expected)
    for name, row in expected.items():
        for column in ("status", "reason", "val_loss", "neurons", "test_accuracy"):
            assert found[name].get(column) == row.get(column), f"{name} {column}"


def test_points_whose_path_has_lost_its_state_train_all_of_their_way(training: Any) -> None:
    trials = points("lambda", 0.02)
    expected = trained(Pack(job_of(training, "group_lasso", trials)))
    late = [trial for trial in trials if len(trial.path) > 0]
    rows = trained(Pack(job_of(training, "group_lasso", late, until=EPOCHS - POLISH + EVERY)))
    assert {name: row["status"] for name, row in rows.items()} == {
        trial.trial: "COMPLETE" if len(trial.path) == 1 else "STOPPED" for trial in late
    }
    for name in ("t1", "t4"):
        assert rows[name]["val_loss"] == expected[name]["val_loss"]


def test_what_was_trained_before_a_strength_counts(training: Any) -> None:
    """The same strength from the first epoch on is another trial."""
    trials = points("lambda", 0.02, paths=1)
    by_path = trained(Pack(job_of(training, "group_lasso", trials)))["t2"]
    direct = Trial("t2", 100, 0, trials[2].parameters)
    assert trained(Pack(job_of(training, "group_lasso", [direct])))["t2"]["val_loss"] != by_path["val_loss"]


@pytest.mark.parametrize("vectorize", ["on", "off"])
def test_stopped_after_any_epoch_and_resumed_is_uninterrupted(vectorize: str, training: Any) -> None:
    job = job_of(training, "drop_neuron", points("dn", 0.1), vectorize=vectorize)
    whole, states, done = Pack(job), [], [0]
    while not whole.done:
        whole.train_epoch()
        states.append(training.through_file(whole.state_dict()))
        done.append(whole.epochs_done)
    assert done == sorted(set(done))
    assert done[-1] == whole.epochs_total
    expected = {row["trial"]: row for row in whole.trial_rows()}
    for state in states[:-1]:
        again = Pack(job)
        again.load_state_dict(state)
        found = trained(again)
        for name, row in expected.items():
            for column in ("val_loss", "neurons", "epochs", "test_accuracy"):
                assert found[name][column] == row[column], f"{name} {column}"


def test_points_of_a_path_that_diverged_have_failed(training: Any) -> None:
    pack = Pack(job_of(training, "group_lasso", points("lambda", 1e-6, paths=1, lr=1e9)))
    rows = trained(pack)
    assert {row["status"] for row in rows.values()} == {"FAILED"}
    assert all(str(row["reason"]).startswith("diverged") for row in rows.values())
    assert len(rows) == POINTS
    stopped = Pack(job_of(training, "group_lasso", points("lambda", 1e-6, paths=1, lr=1e9), until=EPOCHS - POLISH))
    assert {row["status"] for row in trained(stopped).values()} == {"FAILED"}
    assert len(stopped.trial_rows()) == POINTS, "those to come, too"


def test_a_path_that_diverged_leaves_those_beside_it_alone(training: Any) -> None:
    good, bad = points("lambda", 0.02)[:POINTS], points("lambda", 0.02, lr=1e9)[POINTS:]
    rows = trained(Pack(job_of(training, "group_lasso", (*good, *bad))))
    assert [rows[f"t{index}"]["status"] for index in range(6)] == ["COMPLETE"] * 3 + ["FAILED"] * 3
    good, bad = points("lambda", 1e-6)[:POINTS], points("lambda", 1e-6, lr=1e9)[POINTS:]
    rows = trained(Pack(job_of(training, "group_lasso", (*good, *bad), until=EPOCHS - POLISH)))
    came = ["COMPLETE", "STOPPED", "STOPPED"]
    assert [rows[f"t{index}"]["status"] for index in range(6)] == came + ["FAILED"] * 3


def test_time_is_counted_once(training: Any) -> None:
    pack = Pack(job_of(training, "group_lasso", points("lambda", 0.02, paths=1)))
    trained(pack)
    seconds = {(row["trial"], row["epoch"]): row["seconds"] for row in pack.curve_rows()}
    assert seconds["t1", EPOCHS - POLISH] == 0
    assert seconds["t0", EPOCHS - POLISH] > 0
    assert seconds["t1", EPOCHS - POLISH + 1] > 0


def test_stages_hold_what_trains_together() -> None:
    trials = points("lambda", 0.02)
    (first, second, third) = stages(trials, "lambda", 3, 2, width=2)
    assert [stage.at for stage in (first, second, third)] == [3, 5, 7]
    assert [trial.parameters["lambda"] for trial in second.trunk] == [0.04, 0.08]
    assert second.names == ("t2", "t5")
    alone = stages(trials[5:], "lambda", 3, 2, width=2)
    assert [len(stage.points) for stage in alone] == [0, 0, 1]
    assert len(stages(trials, "lambda", 3, 2, width=1)) == 2 * POINTS
    torch.testing.assert_close([trial.parameters["lambda"] for trial in alone[0].trunk], [0.04])
