"""The trainables as Ray Tune and a user see them: flat configs, errors, checkpoints, a Tuner of one's own."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import tune

import trainables
from trainables.declarations import declarations
from trainables.trainable import SparseTrainable, job

SMALL: dict[str, Any] = {
    "data": {"name": "digits", "limit": 180},
    "model": {"name": "mlp", "widths": [12, 8]},
    "epochs": 3,
    "polish": 1,
    "optimizer": {"name": "sgd", "momentum": 0.9},
    "lr": 0.05,
}
CLASSES = [getattr(trainables, declaration.class_name) for declaration in declarations().values()]


def config_of(row: Any) -> dict[str, Any]:
    return SMALL | row.settings[0]


def class_of(method: str) -> type[SparseTrainable]:
    return next(found for found in CLASSES if found.method == method)


def test_every_method_has_a_class() -> None:
    assert sorted(str(found.method) for found in CLASSES) == sorted(declarations())
    with pytest.raises(AttributeError, match="no attribute 'GroupLaso'; it has ParetoStopper, SparseTrainable, Dense"):
        trainables.GroupLaso  # noqa: B018


def test_reports_scores_and_counts_each_epoch_and_the_test_score_at_the_end(row: Any) -> None:
    trainable = class_of(row.method)(config_of(row))
    results = []
    while not (results and results[-1]["done"]):
        results.append(trainable.train())
    trainable.stop()
    assert [r["epochs_done"] for r in results] == [1, 2, 3]
    for result in results:
        for name in ("train_loss", "val_loss", "val_accuracy", "neurons", "parameters", "macs", "widths"):
            assert result[name] is not None, name
    assert "test_accuracy" not in results[1], "nothing to select on"
    assert 0 < results[-1]["test_accuracy"] <= 1
    assert results[-1]["status"] == "COMPLETE"


def test_saved_and_restored_equals_uninterrupted(row: Any, tmp_path: Path) -> None:
    make, config = class_of(row.method), config_of(row)
    whole, half, restored = make(config), make(config), make(config)
    expected = [whole.train() for _ in range(3)]
    half.train()
    half.save(str(tmp_path))
    restored.restore(str(tmp_path))
    for result in expected[1:]:
        got = restored.train()
        for name in ("val_loss", "train_loss", "neurons", "parameters", "test_accuracy", "epochs_done"):
            assert got.get(name) == result.get(name), name


def test_an_actor_is_used_again_for_another_method() -> None:
    trainable = SparseTrainable(SMALL | {"method": "dense"})
    trainable.train()
    other = SMALL | {"method": "group_lasso", "lambda": 0.02}
    assert trainable.reset(other)
    fresh = SparseTrainable(other)
    assert trainable.train()["val_loss"] == fresh.train()["val_loss"]


def test_a_diverged_trial_still_reports_its_metrics() -> None:
    """Schedulers and searchers look for them, and stumble over None: what is not finite is NaN."""
    trainable = trainables.Dense(SMALL | {"lr": 1e12})
    result = trainable.train()
    assert result["done"]
    assert result["status"] == "FAILED"
    assert result["reason"].startswith("diverged: ")
    assert math.isnan(result["train_loss"])
    assert isinstance(result["val_accuracy"], float)


def test_a_pack_reports_how_far_it_is() -> None:
    trials = [{"trial": f"t{i}", "seed": i, "data_seed": 0, "parameters": {"lambda": 0.01}} for i in range(2)]
    config = {key: value for key, value in SMALL.items() if key != "lr"}
    trainable = SparseTrainable(config | {"method": "group_lasso", "trials": trials})
    result = trainable.train()
    assert {key: result[key] for key in ("epochs_done", "epochs_total", "trials_done", "done")} == {
        "epochs_done": 1,
        "epochs_total": 3,
        "trials_done": 0,
        "done": False,
    }
    assert "val_accuracy" not in result


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"lamda": 1.0}, "config: expected one of .* but got 'lamda'; did you mean 'lambda'"),
        ({"epoch": 3}, "config: .* got 'epoch'; did you mean 'epochs'"),
        ({"beta_9": 1.0}, "parameter of group_lasso: .* got 'beta_9'; did you mean 'beta_"),
        ({"weighting": "root"}, "weighting: expected one of sqrt, mean, none, but got 'root'"),
        ({"lr": -1}, r"lr: expected a number > 0, but got -1"),
        ({"method": "npn"}, "method: expected one of group_lasso, but got 'npn'"),
        ({"model": "mpl"}, "model: .* got 'mpl'; did you mean 'mlp'"),
        ({"data": "digit"}, "did you mean 'digits'"),
        ({"polish": 3}, "polish: expected fewer than epochs \\(3\\), but got 3"),
        ({"optimizer": "sdg"}, "optimizer.name: expected one of adam, adamw, sgd, but got 'sdg'; did you mean 'sgd'"),
        (
            {"lr_schedule": {"name": "step", "gama": 0.1}},
            "lr_schedule.gama: expected an option of step .* did you mean 'gamma'",
        ),
        ({"vectorize": "yes"}, "vectorize: expected one of auto, on, off, but got 'yes'"),
        ({"trials": []}, "config: expected one of .*, but got 'lr'"),
    ],
)
def test_what_it_does_not_know_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trainables.GroupLasso(SMALL | changes)


def test_without_a_method_nothing_is_trained() -> None:
    with pytest.raises(ValueError, match=r"method: expected one of dense, drop_neuron, .* but got None"):
        job(SMALL)


def test_the_defaults_are_a_whole_config() -> None:
    found = job({"lambda": 1e-3, "seed": 4}, "group_lasso")
    assert (found.data, found.model) == ({"name": "digits"}, {"name": "mlp"})
    assert (found.recipe.epochs, found.recipe.polish, found.vectorize) == (60, 0, "auto")
    (trial,) = found.trials
    assert (trial.seed, trial.data_seed, trial.parameters) == (4, 4, {"lambda": 1e-3})


@pytest.fixture
def local_ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.ray
def test_in_a_tuner_of_ones_own(local_ray: None, tmp_path: Path) -> None:
    """Flat configs, Tune's checkpoints, actors used again; then a trial goes on from its checkpoint elsewhere."""
    tuner = tune.Tuner(
        trainables.GroupLasso,
        param_space=SMALL | {"lambda": tune.grid_search([1e-3, 1e-2, 2e-2]), "seed": 3},
        tune_config=tune.TuneConfig(metric="val_accuracy", mode="max", reuse_actors=True, max_concurrent_trials=1),
        run_config=tune.RunConfig(
            storage_path=str(tmp_path),
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=1, num_to_keep=2),
        ),
    )
    results = tuner.fit()
    assert not results.errors
    assert len({result.metrics["pid"] for result in results}) == 1, "one actor for all"
    best = results.get_best_result()
    assert best.metrics["val_accuracy"] == max(result.metrics["val_accuracy"] for result in results)
    for result in results:
        alone = trainables.GroupLasso(result.config)
        history = [alone.train() for _ in range(3)]
        assert result.metrics["val_loss"] == pytest.approx(history[-1]["val_loss"], rel=1e-4)
        assert result.metrics["neurons"] == history[-1]["neurons"]
        checkpoint = min(Path(result.path).glob("checkpoint_*"))
        again = trainables.GroupLasso(result.config)
        again.restore(str(checkpoint))
        assert 0 < again.pack.epochs_done < 3
        while not again.pack.done:
            last = again.train()
        assert last["val_loss"] == pytest.approx(result.metrics["val_loss"], rel=1e-6)
    assert json.dumps(best.config), "plain values"
