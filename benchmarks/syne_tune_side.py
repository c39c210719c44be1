"""The same training under Syne Tune's local back end, which starts a process for every trial.

Its wheels (`pip install syne-tune`) bring xgboost with 350 MB of CUDA libraries, so that it is no dependency of this
project; with `--no-deps` psutil, sortedcontainers, dill and statsmodels are all that this side needs beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
from pathlib import Path

from benchmarks.plain import LAMBDA, LR, epochs


def tune(trials: int, workers: int, folder: str) -> None:
    """Random search by one metric, the cheapest, since samplers of two need BoTorch; looks for results all the time."""
    here = Path(__file__)
    os.environ["SYNETUNE_FOLDER"] = folder
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(here.parent.parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    )
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend import LocalBackend
    from syne_tune.config_space import loguniform
    from syne_tune.optimizer.baselines import RandomSearch

    logging.disable(logging.WARNING)
    try:
        space = {"strength": loguniform(*LAMBDA), "lr": loguniform(*LR)}
        tuner = Tuner(
            trial_backend=LocalBackend(entry_point=str(here)),
            scheduler=RandomSearch(space, metrics=["accuracy"], do_minimize=False, random_seed=0),
            stop_criterion=StoppingCriterion(max_num_trials_finished=trials),
            n_workers=workers,
            sleep_time=0.1,
            print_update_interval=1e9,
        )
        with contextlib.redirect_stdout(io.StringIO()):
            tuner.run()
    finally:
        logging.disable(logging.NOTSET)
    status = tuner.tuning_status
    assert status is not None and status.num_trials_finished >= trials and not status.num_trials_failed


def main() -> None:
    """A trial: what the back end starts."""
    import torch
    from syne_tune import Reporter

    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("--strength", type=float, required=True)
    parser.add_argument("--lr", type=float, required=True)
    arguments, _ = parser.parse_known_args()
    report = Reporter()
    for accuracy, neurons in epochs(arguments.strength, arguments.lr, seed=0):
        report(accuracy=accuracy, neurons=neurons)


if __name__ == "__main__":
    main()
