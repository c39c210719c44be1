"""Trials per second of a whole study, against the ways people write it by hand. Ratios from one run.

    python -m benchmarks.study_throughput [--trials 1600 --most 160] --json FILE

All sides: the same training (digits, mlp 64-128-64-10, group lasso, 60 epochs), the same sampler (Optuna's default
multi-objective TPE, 2 objectives), 2 processes of one thread each. Timed from the call that starts the search to its
end, Ray already up; sides take turns, `--repeats` times; the ratio is that of the medians. Both kinds of trainables
report every epoch, as Ray's guides write them and as a study does; ``class_trainable_at_its_best`` says nothing before
a trial's end, and has the optimiser fused. Sides that start a process for every trial, function trainables and Syne
Tune's local back end (left out where it is not installed), are so slow that a quarter of the trials is enough.

That all sides train the same thing is checked on a part of the study's own trials: their configurations are trained
again by the plain loop, on the same examples, and the mean differences in accuracy and neurons are said with their
errors.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"

import optuna
import ray
import torch
from ray import tune
from ray.tune.search.optuna import OptunaSearch

from benchmarks import syne_tune_side
from benchmarks.plain import EPOCHS, LAMBDA, LR, epochs, train
from benchmarks.record import parser, record
from study.config import loads, to_yaml
from study.directory import StudyDirectory
from study.rehearsal import problems
from study.running import launch

WORKERS = 2
REQUIRED = {
    160: {"class_trainable": 6.0, "function_trainable": 25.0, "optuna_processes": 5.0},
    1600: {"class_trainable": 8.0, "optuna_processes": 6.5},
}
"""By the trials of the study."""
SLOW = ("function_trainable", "syne_tune")
COMPARED = 24
"""Trials of the study that the plain loop trains again."""

STUDY = f"""
name: throughput
data: digits
model: {{name: mlp, widths: [128, 64]}}
epochs: 60
polish: 15
batch_size: 32
methods:
  group_lasso:
    space: {{lambda: [{LAMBDA[0]}, {LAMBDA[1]}], lr: [{LR[0]}, {LR[1]}], beta: 1.0}}
resources: {{workers: {WORKERS}}}
"""


def space(trial: optuna.Trial) -> dict[str, float]:
    return {
        "strength": trial.suggest_float("lambda", *LAMBDA, log=True),
        "lr": trial.suggest_float("lr", *LR, log=True),
    }


def define(trial: optuna.Trial) -> None:
    space(trial)


class PlainTrainable(tune.Trainable):  # type: ignore[misc]  # Ray is untyped
    """An epoch in each `step`."""

    fused: bool | None = None

    def setup(self, config: dict[str, Any]) -> None:
        torch.set_num_threads(1)
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.done_epochs = 0
        self.epochs = epochs(new_config["lambda"], new_config["lr"], seed=0, fused=self.fused)
        return True

    def step(self) -> dict[str, Any]:
        accuracy, neurons = next(self.epochs)
        self.done_epochs += 1
        return {"accuracy": accuracy, "neurons": neurons, "done": self.done_epochs == EPOCHS}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: in this side's favour."""


class BestTrainable(PlainTrainable):
    """A trial in one `step`, with the optimiser fused."""

    fused = True

    def step(self) -> dict[str, Any]:
        accuracy, neurons = list(self.epochs)[-1]
        return {"accuracy": accuracy, "neurons": neurons, "done": True}


def plain_function(config: dict[str, Any]) -> None:
    torch.set_num_threads(1)
    for accuracy, neurons in epochs(config["lambda"], config["lr"], seed=0):
        tune.report({"accuracy": accuracy, "neurons": neurons})


def tune_side(trainable: Any, trials: int, reuse: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(
                search_alg=OptunaSearch(space=define, metric=["accuracy", "neurons"], mode=["max", "min"]),
                num_samples=trials,
                max_concurrent_trials=WORKERS,
                reuse_actors=reuse,
            ),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        ).fit()
        assert len(results) == trials and not results.errors


def optuna_side(trials: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = str(Path(folder) / "optuna.journal")
        command = [
            sys.executable,
            "-m",
            "benchmarks.study_throughput",
            "--optuna-worker",
            journal,
            str(trials),
        ]
        workers = [subprocess.Popen(command) for _ in range(WORKERS)]
        assert all(worker.wait() == 0 for worker in workers)


def optuna_worker(journal: str, trials: int) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(journal))
    study = optuna.create_study(
        study_name="plain", storage=storage, directions=["maximize", "minimize"], load_if_exists=True
    )
    stop = optuna.study.MaxTrialsCallback(trials)

    def objective(trial: optuna.Trial) -> tuple[float, int]:
        parameters = space(trial)
        return train(parameters["strength"], parameters["lr"], seed=0)

    study.optimize(objective, n_trials=trials // WORKERS, callbacks=[stop])


def syne_tune(trials: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        syne_tune_side.tune(trials, WORKERS, folder)


def our_side(trials: int) -> list[dict[str, Any]]:
    """Rows of its trials."""
    with tempfile.TemporaryDirectory() as folder:
        config = loads(STUDY, overrides=[f"trials={trials}"])
        directory = StudyDirectory(Path(folder) / "run")
        directory.create(to_yaml(config))
        launch(config, directory)
        rows: list[dict[str, Any]] = directory.trials().to_pylist()
        assert len(rows) == trials
        return rows


def same_training(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean differences between the study's trials and the plain loop's, on the same examples, and their errors."""
    chosen = rows[:: max(1, len(rows) // COMPARED)]
    found = next(iter(problems(loads(STUDY)))).dataset
    splits = (found.train, found.validation, found.test)
    data = [split.x for split in splits] + [split.y for split in splits]
    plain = [train(row["param_lambda"], row["param_lr"], row["seed"], data) for row in chosen]
    pairs = {
        "accuracy": [row["val_accuracy"] - accuracy for row, (accuracy, _) in zip(chosen, plain, strict=True)],
        "neurons": [row["neurons"] - neurons for row, (_, neurons) in zip(chosen, plain, strict=True)],
    }
    return {
        name: {
            "mean_difference": statistics.mean(differences),
            "standard_error": statistics.stdev(differences) / math.sqrt(len(differences)),
        }
        for name, differences in pairs.items()
    }


def main() -> None:
    options = parser(__doc__, repeats=2)
    options.add_argument("--trials", type=int, default=160, help="trials of each side; function trainables a quarter")
    options.add_argument("--most", type=int, help="trials of the other sides, where that is fewer; theirs take no less")
    options.add_argument("--sides", nargs="+", help="those beside the study's to run; all, if not given")
    options.add_argument("--optuna-worker", nargs=2, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.optuna_worker:
        optuna_worker(arguments.optuna_worker[0], int(arguments.optuna_worker[1]))
        return
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    ray.init("local", num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    rows: list[dict[str, Any]] = []
    sides: dict[str, Callable[[int], None]] = {
        "study": lambda trials: rows.extend(our_side(trials)),
        "class_trainable": lambda trials: tune_side(PlainTrainable, trials, reuse=True),
        "class_trainable_at_its_best": lambda trials: tune_side(BestTrainable, trials, reuse=True),
        "function_trainable": lambda trials: tune_side(plain_function, trials, reuse=False),
        "optuna_processes": optuna_side,
        "syne_tune": syne_tune,
    }
    if importlib.util.find_spec("syne_tune") is None:
        del sides["syne_tune"]
    sides = {name: side for name, side in sides.items() if name in ("study", *(arguments.sides or sides))}
    most = min(arguments.trials, arguments.most or arguments.trials)
    trials = {name: arguments.trials if name == "study" else most // (4 if name in SLOW else 1) for name in sides}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(arguments.repeats):
        for name, side in sides.items():
            started = time.perf_counter()
            side(trials[name])
            seconds[name].append((time.perf_counter() - started) / trials[name])
            print(f"{name:27s} {seconds[name][-1]:7.3f} s a trial", flush=True)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    ratios = {name: median[name] / median["study"] for name in sides if name != "study"}
    result = {
        "trials": trials,
        "seconds_per_trial": seconds,
        "median_seconds_per_trial": median,
        "ratios": ratios,
        "required": REQUIRED.get(arguments.trials, {}),
        "same_training": {"trials": COMPARED, **same_training(rows)},
    }
    print(json.dumps({name: result[name] for name in ("ratios", "required", "same_training")}, indent=2))
    record(result, arguments.json)


if __name__ == "__main__":
    main()
