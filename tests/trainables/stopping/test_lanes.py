"""Trials that report one by one, and what Ray Tune and Optuna make of the same decisions."""

from __future__ import annotations

import pickle
from typing import Any

import optuna
import pytest
import ray
from ray import tune

from trainables import ParetoStopper
from trainables.errors import StudyError
from trainables.stopping import Lanes, ParetoRule

METRICS, MODES = ["score", "size"], ["max", "min"]


def lanes(**settings: Any) -> Lanes:
    return Lanes(ParetoRule(METRICS, MODES, **{"least": 2, "noise": {"score": 0}, **settings}), [2, 4])


def test_trials_are_compared_at_rungs_in_the_order_in_which_they_come() -> None:
    found = lanes()
    found.report("good", (0.9, 10), 1)
    found.report("good", (0.9, 10), 2)
    found.report("bad", (0.1, 90), 1)
    assert not found.should_stop("bad"), "1 is no rung"
    found.report("bad", (0.1, 90), 3)
    assert found.should_stop("bad") and not found.should_stop("good"), "the first report after a rung counts"
    found.report("good", {"size": 10, "score": 0.9, "more": 1}, 4)
    assert str(found) == "rung 2: 1 of 2 stopped, rung 4: 0 of 1 stopped"
    assert not found.should_stop("never seen")


def test_groups_do_not_compete_and_seeds_stop_together() -> None:
    found = lanes()
    for trial, value in {"a": (0.9, 10), "b": (0.1, 90)}.items():
        found.report(trial, value, 2, group=trial)
    assert not found.should_stop("b")
    found = lanes()
    found.report("a0", (0.9, 10), 2, configuration="a")
    found.report("b1", (0.1, 90), 1, configuration="b")
    found.report("b0", (0.1, 90), 2, configuration="b")
    assert found.should_stop("b0") and found.should_stop("b1"), "which has come to no rung yet"
    found.report("b1", (0.99, 5), 2, configuration="b")
    assert found.should_stop("b1"), "what is decided stays"


def test_what_is_missing_is_said() -> None:
    with pytest.raises(StudyError, match="size not among what was reported: score"):
        lanes().report("a", {"score": 1}, 2)
    with pytest.raises(StudyError, match="expected those of score, size"):
        lanes().report("a", (1,), 2)
    with pytest.raises(StudyError, match="rungs: expected epochs from 1 on, ascending"):
        Lanes(ParetoRule(METRICS, MODES), [4, 2])


def curve(good: float, epoch: int) -> dict[str, float]:
    """Of trials between no good and perfect; the good ones are better and smaller."""
    return {"score": 0.5 + 0.4 * good + 0.01 * epoch, "size": 100 - 80 * good}


def test_an_optuna_study_of_several_objectives_is_pruned() -> None:
    stopper = ParetoStopper(METRICS, MODES, rungs=[2, 4], least=4)
    epochs: list[int] = []

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        good = trial.suggest_float("good", 0, 1)
        for epoch in range(1, 9):
            values = curve(good, epoch)
            stopper.report(trial, values, epoch)
            if stopper.should_stop(trial):
                epochs.append(epoch)
                raise optuna.TrialPruned
        epochs.append(8)
        return values["score"], values["size"]

    study = optuna.create_study(directions=["maximize", "minimize"], sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=24)
    states = [trial.state for trial in study.trials]
    assert states.count(optuna.trial.TrialState.PRUNED) == sum(epoch < 8 for epoch in epochs) > 8
    assert set(epochs) == {2, 4, 8}
    best = max(study.trials, key=lambda trial: trial.params["good"])
    assert best.state == optuna.trial.TrialState.COMPLETE


def test_it_is_a_scheduler_that_is_kept_with_an_experiment() -> None:
    from ray.tune.schedulers import TrialScheduler

    stopper = ParetoStopper(METRICS, MODES, rungs=[2], least=2)
    assert isinstance(stopper, TrialScheduler)
    stopper.report("a", (0.9, 10), 2)
    again = pickle.loads(pickle.dumps(stopper))
    again.report("b", (0.1, 90), 2)
    assert again.should_stop("b") and not stopper.should_stop("b")
    assert again.debug_string() == "ParetoStopper: rung 2: 1 of 2 stopped"


class Curve(tune.Trainable):  # type: ignore[misc]
    def step(self) -> dict[str, Any]:
        epoch = self.training_iteration + 1
        return {**curve(self.config["good"], epoch), "done": epoch == 6}


@pytest.mark.ray
@pytest.mark.slow
def test_a_tuner_stops_what_leaves_no_room_on_the_front(tmp_path: Any) -> None:
    """One trial at a time, in a known order: every decision is known."""
    ray.init(address="local", num_cpus=1, include_dashboard=False)
    try:
        stopper = ParetoStopper(METRICS, MODES, rungs=[2], least=2, noise={"score": 0}, group="method", seed="seed")
        tuner = tune.Tuner(
            Curve,
            param_space={
                "good": tune.grid_search([0.5, 0.1, 0.9, 0.2]),
                "seed": tune.grid_search([1, 2]),
                "method": "a",
            },
            tune_config=tune.TuneConfig(scheduler=stopper, max_concurrent_trials=1, reuse_actors=True),
            run_config=tune.RunConfig(storage_path=str(tmp_path), verbose=0),
        )
        results = tuner.fit().get_dataframe()
    finally:
        ray.shutdown()
    epochs = {good: sorted(part["training_iteration"]) for good, part in results.groupby("config/good", sort=False)}
    assert epochs[0.5] == [6, 6] and epochs[0.9] == [6, 6]
    assert epochs[0.1] == [1, 2] and epochs[0.2] == [1, 2], "the second seed ends with its first report"
