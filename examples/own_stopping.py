"""Early stopping for several objectives in searches of one's own: a Ray Tune Tuner, and a plain Optuna loop.

cd examples && python own_stopping.py
"""

from __future__ import annotations

from collections import Counter

import optuna
from ray import tune

from trainables import GroupLasso, ParetoStopper

FIXED = {"data": "digits", "model": {"name": "mlp", "widths": [64, 32]}, "optimizer": {"name": "sgd", "momentum": 0.9}}


def stopper(epochs: int) -> ParetoStopper:
    """Half of the trials go on after a sixth of the epochs, half of those after a half."""
    rungs = sorted({max(1, epochs // 6), max(1, epochs // 2)})
    return ParetoStopper(["val_accuracy", "neurons"], ["max", "min"], rungs, require={"val_accuracy": 0.8})


def with_tune(trials: int = 24, epochs: int = 24) -> tune.ResultGrid:
    """Any searcher of Tune's will do; the stopper is its scheduler."""
    space = {"lr": tune.loguniform(2e-2, 2e-1), "lambda": tune.loguniform(1e-3, 2e-2)}
    tuner = tune.Tuner(
        GroupLasso,
        param_space={**FIXED, **space, "epochs": epochs, "polish": epochs // 4},
        tune_config=tune.TuneConfig(num_samples=trials, reuse_actors=True, scheduler=stopper(epochs)),
    )
    return tuner.fit()


def with_optuna(trials: int = 24, epochs: int = 24) -> optuna.Study:
    """Optuna's own pruners take one objective; a trial that stops is PRUNED."""
    stop = stopper(epochs)

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        searched = {
            "lr": trial.suggest_float("lr", 2e-2, 2e-1, log=True),
            "lambda": trial.suggest_float("lambda", 1e-3, 2e-2, log=True),
        }
        network = GroupLasso({**FIXED, **searched, "epochs": epochs, "polish": epochs // 4, "seed": trial.number})
        try:
            for epoch in range(1, epochs + 1):
                result = network.train()
                stop.report(trial, result, epoch)
                if stop.should_stop(trial):
                    raise optuna.TrialPruned
        finally:
            network.stop()
        return result["val_accuracy"], result["neurons"]

    study = optuna.create_study(directions=["maximize", "minimize"])
    study.optimize(objective, n_trials=trials)
    return study


def main(trials: int = 24, epochs: int = 24) -> None:
    print("Optuna:", dict(Counter(trial.state.name for trial in with_optuna(trials, epochs).trials)))
    found = with_tune(trials, epochs).get_dataframe()
    print(found[["val_accuracy", "neurons", "training_iteration"]].sort_values("neurons"))


if __name__ == "__main__":
    main()
