"""The stock side of benchmarks.chaos: Ray Tune with OptunaSearch and a journal, resumed by Tuner.restore.

python -m benchmarks.chaos_stock FOLDER TRIALS
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"

import optuna
import ray
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from ray import tune
from ray.tune.search.optuna import OptunaSearch

from benchmarks.plain import LAMBDA, LR, train

WORKERS = 2


class PlainTrainable(tune.Trainable):  # type: ignore[misc]  # Ray is untyped
    """One trial in one step. It leaves a record of its own when it is finished, which Tune knows nothing of."""

    def setup(self, config: dict[str, Any]) -> None:
        torch.set_num_threads(1)
        self.trial_config = config

    def step(self) -> dict[str, Any]:
        own = {name: self.trial_config[name] for name in ("lambda", "lr")}
        accuracy, neurons = train(own["lambda"], own["lr"], seed=0)
        record = Path(self.trial_config["folder"]) / "finished" / f"{self.trial_id}-{os.getpid()}.json"
        record.with_suffix(".new").write_text(json.dumps({"id": self.trial_id, "config": own}))
        record.with_suffix(".new").rename(record)
        return {"accuracy": accuracy, "neurons": neurons, "done": True}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.trial_config = new_config
        return True


def space(folder: str, trial: optuna.Trial) -> dict[str, Any]:
    """At module level, since Tune pickles it with every snapshot."""
    trial.suggest_float("lambda", *LAMBDA, log=True)
    trial.suggest_float("lr", *LR, log=True)
    return {"folder": folder}


def main(folder: Path, trials: int) -> None:
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    (folder / "finished").mkdir(exist_ok=True)
    ray.init(address="local", num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    place = folder / "tune" / "chaos"

    if tune.Tuner.can_restore(str(place)):
        tuner = tune.Tuner.restore(str(place), PlainTrainable, resume_unfinished=True, restart_errored=True)
    else:
        storage = JournalStorage(JournalFileBackend(str(folder / "optuna.journal")))
        search = OptunaSearch(
            space=partial(space, str(folder)),
            metric=["accuracy", "neurons"],
            mode=["max", "min"],
            storage=storage,
            study_name="chaos",
        )
        tuner = tune.Tuner(
            PlainTrainable,
            tune_config=tune.TuneConfig(
                search_alg=search, num_samples=trials, max_concurrent_trials=WORKERS, reuse_actors=True
            ),
            run_config=tune.RunConfig(
                name="chaos",
                storage_path=str(place.parent),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(max_failures=3),
                verbose=0,
            ),
        )
    results = tuner.fit()
    found = [
        {name: result.config[name] for name in ("lambda", "lr")}
        for result in results
        if result.metrics and "accuracy" in result.metrics
    ]
    (folder / "results.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
