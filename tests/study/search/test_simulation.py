"""A finished study's table answers for searches that were not run."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from typer.testing import CliRunner

import search_spaces
from study.cli import app
from study.config import StudyConfig, to_yaml
from study.directory import StudyDirectory
from study.search import Simulation
from study.search.replay.table import Replay
from trainables.errors import StudyError

SCALES = {"group_lasso": search_spaces.Scale()}
EPOCHS, TRIALS = 12, 48


def configuration(**settings: Any) -> StudyConfig:
    given = {
        "name": "digits",
        "data": {"name": "digits", "limit": 200},
        "model": {"name": "mlp", "widths": [12, 8]},
        "epochs": EPOCHS,
        "trials": TRIALS,
        "require": {"accuracy": 0.5},
        "methods": {"group_lasso": {"space": {"lr": [1e-3, 1e-1], "lambda": [1e-4, 1.0]}}},
        "sampler": "random",
        "pack": {"size": 8},
    }
    return StudyConfig.model_validate(given | settings)


def outcome(lr: float, strength: float, epoch: int) -> dict[str, Any]:
    """More strength means fewer neurons and, beyond 0.01, less accuracy; the rate matters, and all this shows early."""
    too_much = max(0.0, math.log10(strength) + 2)
    accuracy = 0.95 - 0.2 * too_much - 0.1 * abs(math.log10(lr) + 2) - 0.1 * (EPOCHS - epoch) / EPOCHS
    return {"val_accuracy": accuracy, "neurons": max(1, round(20 - 5 * (math.log10(strength) + 4)) + EPOCHS - epoch)}


def table() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    draws = np.random.default_rng(0)
    trials, curves = [], []
    for number in range(TRIALS):
        lr, strength = 10 ** draws.uniform(-3, -1), 10 ** draws.uniform(-4, 0)
        trial, pack = f"group_lasso-{number:05d}", f"group_lasso-p{number // 8:04d}"
        row = {
            "trial": trial,
            "pack": pack,
            "method": "group_lasso",
            "number": number,
            "lane": number % 8,
            "seed": number,
        }
        row |= {"study": "digits", "data_seed": 0, "status": "COMPLETE", "param_lr": lr, "param_lambda": strength}
        trials.append(row | outcome(lr, strength, EPOCHS))
        place = {"study": "digits", "method": "group_lasso", "trial": trial, "pack": pack}
        curves += [place | {"epoch": epoch} | outcome(lr, strength, epoch) for epoch in range(1, EPOCHS + 1)]
    return trials, curves


@pytest.fixture(scope="module")
def rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return table()


def test_what_was_recorded_is_replayed_exactly(rows: Any) -> None:
    (whole,) = Simulation(configuration(), *rows, SCALES).recorded()
    assert (whole.trials, whole.epochs, whole.saved, whole.hypervolume) == (TRIALS, TRIALS * EPOCHS, 0, 1.0)
    assert whole.epochs_to_nearly is not None and whole.epochs_to_nearly % (8 * EPOCHS) == 0
    (stopped,) = Simulation(configuration(), *rows, SCALES, rungs=(2, 6)).recorded()
    assert stopped.epochs + stopped.saved == TRIALS * EPOCHS
    assert stopped.epochs < 0.6 * TRIALS * EPOCHS and stopped.hypervolume > 0.9
    assert (stopped,) == tuple(Simulation(configuration(), *rows, SCALES, rungs=(2, 6)).recorded())


@pytest.mark.parametrize("by", ["nearest", "surrogate"])
def test_samplers_are_compared_without_training(rows: Any, by: Any) -> None:
    def median(sampler: str, **more: Any) -> float:
        simulation = Simulation(configuration(sampler=sampler, trials=32), *rows, SCALES, by, **more)
        return float(np.median([run.hypervolume for repeat in range(3) for run in simulation.searched(repeat)]))

    assert 0.5 < median("random") <= 1.0
    assert median("tpe") > 0.7
    simulation = Simulation(configuration(sampler="tpe"), *rows, SCALES, by, rungs=(2, 6))
    assert simulation.searched(1) == simulation.searched(1) != simulation.searched(2)
    assert simulation.searched()[0].saved > 0


def test_the_table_answers_by_the_nearest_trial_and_in_turn_by_its_seeds() -> None:
    space = {"lr": FloatDistribution(1e-4, 1.0, log=True), "kind": CategoricalDistribution(["a", "b"])}
    trained = [
        {"lr": 1e-3, "kind": "a"},
        {"lr": 1e-1, "kind": "a"},
        {"lr": 1e-1, "kind": "b"},
        {"lr": 1e-1, "kind": "b"},
    ]
    values = np.arange(4.0).reshape(4, 1, 1)
    nearest = Replay(space, trained, values)
    assert nearest({"lr": 2e-3, "kind": "a"}).item() == 0
    assert nearest({"lr": 2e-2, "kind": "a"}).item() == 1
    assert [nearest({"lr": 0.5, "kind": "b"}).item() for _ in range(3)] == [2, 3, 2]
    assert 0 <= Replay(space, trained, values, "surrogate")({"lr": 1e-2, "kind": "a"}).item() <= 3


def test_what_cannot_be_replayed_is_said(rows: Any) -> None:
    trials, curves = rows
    failed = [row | {"status": "FAILED"} for row in trials]
    with pytest.raises(StudyError, match="expected complete trials to replay"):
        Simulation(configuration(), failed, curves, SCALES)
    with pytest.raises(StudyError, match="expected the curve of group_lasso-00000 at epoch 5"):
        Simulation(configuration(), trials, [row for row in curves if row["epoch"] != 5], SCALES, rungs=(5,))
    with pytest.raises(StudyError, match="ascending epochs below 12"):
        Simulation(configuration(), trials, curves, SCALES, rungs=(12,))
    with pytest.raises(StudyError, match="did you mean 'nearest'"):
        Simulation(configuration(), trials, curves, SCALES, "nearst").searched()  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def finished(rows: Any, tmp_path_factory: pytest.TempPathFactory) -> StudyDirectory:
    directory = StudyDirectory(tmp_path_factory.mktemp("simulated") / "digits")
    directory.create(to_yaml(configuration()))
    trials, curves = rows
    missing = {"epochs": EPOCHS, "seconds": 0.0, "lr": 0.1}
    for pack in sorted({row["pack"] for row in trials}):
        own = [row for row in trials if row["pack"] == pack]
        directory.write_results(
            pack, "group_lasso", own, [row | _known(missing, row) for row in curves if row["pack"] == pack]
        )
    return directory


def _known(more: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in more.items() if name != "epochs" and name not in row}


def test_the_command_says_how_it_knows(finished: StudyDirectory) -> None:
    def said(*words: str) -> str:
        done = CliRunner().invoke(app, ["simulate", finished.path(), *words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return " ".join(done.output.split())

    found = json.loads(said("--stopping", "2,6", "--json"))
    assert found["by"] == "recorded" and found["rungs"] == [2, 6] and found["keep"] == 0.5
    assert found["methods"]["group_lasso"]["epochs_saved"] > 0.4 * TRIALS * EPOCHS
    table = said(
        "--sampler", "{name: qmc}", "--trials", "16", "--repeats", "2", "--stopping", "{rungs: auto, keep: 0.25}"
    )
    assert "{name: qmc}, each configuration answered by the nearest that was trained; 0.25" in table
    assert "at epochs 2, 6. Nothing was trained." in table and "group_lasso" in table
    assert "the trials as they were recorded, in their order; nothing stops" in said()
    for words, wrong in {
        ("--stopping", "soon"): "--stopping: expected rungs such as 10,30",
        ("--trials", "5"): "--trials: expected a --sampler beside it",
        ("--sampler", "tpee"): "did you mean 'tpe'",
    }.items():
        with pytest.raises(StudyError, match=wrong):
            CliRunner().invoke(app, ["simulate", finished.path(), *words], catch_exceptions=False)
