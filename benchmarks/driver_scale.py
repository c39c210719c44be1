"""How many trials a second one driver handles where training costs nothing, and whether it stays so.

    python -m benchmarks.driver_scale --json FILE

A study of no-op trials in packs of 16 through a real Ray into a real directory, once with `sampler: random` and once
with `auto`; stock Ray Tune with trials that do as little, in the same run. Each side is a process of its own. Timed
from the call that starts the search to its end, tenth by tenth; then what `study resume`, `study status` and `study
doctor` take for the finished study, each as a command of its own.

A no-op trial has its manifest, its checkpoint that is looked for, its rows and its curve like any other: what it is
spared is the training. Memory is what the driver's resident set has grown by since its first tenth. Where other work
loads the machine, the seconds of CPU that the driver takes for a pack say whether it stays as fast, tenth by tenth.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"

from benchmarks.machine import machine

WORKERS = 2
PACK = 16
REQUIRED = {
    "trials_per_second": {"random": 200, "auto": 100},
    "goal": {"random": 300, "auto": 150},
    "last_tenth_of_first": 0.7,
    "driver_bytes_per_trial": 2048,
    "resume_seconds": 10,
    "status_seconds": 2,
    "doctor_seconds": 20,
    "files": 1000,
    "times_stock": 4.0,
}

STUDY = f"""
name: scale
data: {{name: digits, limit: 100}}
model: {{name: mlp, widths: [4, 4]}}
epochs: 1
polish: 0
methods:
  group_lasso: {{space: {{beta: 1.0}}}}
pack: {{size: {PACK}}}
resources: {{workers: {WORKERS}}}
"""


def no_op_training() -> None:
    """Give this process's worker a training without epochs; called in Ray's workers."""
    from study.running import publishing, training, worker

    class NoOp(training.Training):
        def advance(self, seconds: float, until: Callable[[], bool] = lambda: False) -> dict[str, Any]:
            for spec in self.manifest["trials"]:
                row, curve = outcome(spec["trial"], spec["seed"], spec["data_seed"], spec["parameters"])
                self.trials.append(row)
                self.curves.append(curve)
            self.parts, self.epochs = [], 1
            publishing.publish(self.directory, self.config.name, self.manifest, self.trials, self.curves)
            self.checkpoints.clear()
            return self.report()

    vars(worker)["Training"] = NoOp  # the worker looks its class up when a pack comes


def outcome(trial: str, seed: int, data_seed: int, parameters: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The row of a trial and of its one epoch: a smooth trade-off over the parameters."""
    strength, lr = math.log10(parameters["lambda"]), math.log10(parameters["lr"])
    neurons = max(1, round(8 / (1 + math.exp(strength + 2))))
    accuracy = 1 / (1 + math.exp(strength)) - 0.05 * (lr + 2) ** 2
    counts = _counts(neurons)
    scores = {"train_loss": 1 - accuracy, "val_loss": 1 - accuracy, "val_accuracy": accuracy}
    row = (
        {"trial": trial, "seed": seed, "data_seed": data_seed, "status": "COMPLETE", "epochs": 1, "train_seconds": 0.0}
        | scores
        | {"test_loss": 1 - accuracy, "test_accuracy": accuracy}
        | counts
        | {f"dense_{name}": value for name, value in _counts(8).items()}
        | {"widths": [neurons // 2, neurons - neurons // 2], "dense_widths": [4, 4], "max_abs_difference": 0.0}
        | {"device": "cpu"}
        | {f"param_{name}": value for name, value in parameters.items()}
    )
    return row, {"trial": trial, "epoch": 0, "seconds": 0.0, "lr": parameters["lr"]} | scores | counts


def _counts(neurons: int) -> dict[str, int]:
    macs = 74 * neurons
    return {"neurons": neurons, "inputs": 64, "parameters": macs + neurons, "macs": macs, "flops": 2 * macs}


def study_side(sampler: str, trials: int, folder: str) -> dict[str, Any]:
    """In a process of its own: the driver of one study."""
    import ray

    from study.config import loads
    from study.directory import StudyDirectory
    from study.running import Monitor, launch

    config = loads(STUDY, overrides=[f"trials={trials}", f"sampler={sampler}"])
    directory = StudyDirectory(folder)
    ray.init(
        "local",
        num_cpus=WORKERS,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env={"worker_process_setup_hook": no_op_training},
    )
    seen: list[tuple[int, float, float, int]] = []

    def note(monitor: Monitor) -> None:
        finished = monitor.trials_finished
        if finished >= len(seen) * trials / 10:
            seen.append((finished, time.perf_counter(), time.process_time(), resident_bytes()))

    started = time.perf_counter()
    monitor = launch(config, directory, note)
    seconds = time.perf_counter() - started
    assert monitor.trials_finished == trials and not monitor.ending and not monitor.trials_failed
    if len(seen) < 11:
        seen.append((trials, started + seconds, time.process_time(), resident_bytes()))
    tenths = [(b[0] - a[0]) / (b[1] - a[1]) for a, b in pairwise(seen)]
    return {
        "seconds": seconds,
        "trials_per_second": trials / seconds,
        "tenths": tenths,
        "last_tenth_of_first": tenths[-1] / tenths[0],
        "driver_cpu_seconds_per_pack": [(b[2] - a[2]) / (b[0] - a[0]) * PACK for a, b in pairwise(seen)],
        "driver_bytes_per_trial": (seen[-1][3] - seen[1][3]) / (seen[-1][0] - seen[1][0]),
        "files": sum(path.is_file() for path in Path(folder).rglob("*")),
    }


def stock_side(trials: int) -> dict[str, Any]:
    """Ray Tune as it comes, at its best: actors used again, no files per trial, configurations drawn at random."""
    import ray
    from ray import tune

    class NoOp(tune.Trainable):  # type: ignore[misc]  # Ray is untyped
        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.config = new_config
            return True

        def step(self) -> dict[str, Any]:
            row, _ = outcome("trial", 0, 0, self.config)
            return {"accuracy": row["val_accuracy"], "neurons": row["neurons"], "done": True}

        def save_checkpoint(self, checkpoint_dir: str) -> None:
            """Nothing: in this side's favour."""

    ray.init("local", num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        results = tune.Tuner(
            NoOp,
            param_space={"lambda": tune.loguniform(1e-4, 1e-1), "lr": tune.loguniform(1e-3, 1e-1)},
            tune_config=tune.TuneConfig(num_samples=trials, max_concurrent_trials=WORKERS, reuse_actors=True),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        ).fit()
        seconds = time.perf_counter() - started
        assert len(results) == trials and not results.errors
    return {"trials": trials, "seconds": seconds, "trials_per_second": trials / seconds}


def resident_bytes() -> int:
    """Of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def command(*arguments: str) -> float:
    """Seconds that `study ARGUMENTS` takes."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "study", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"study {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return time.perf_counter() - started


def in_a_process(*arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.driver_scale", *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--trials", type=int, default=100_000, help="of each study")
    parser.add_argument("--stock", type=int, default=2000, help="trials of stock Ray Tune")
    parser.add_argument("--samplers", default="random,auto")
    parser.add_argument("--folder", type=Path, help="where the studies go, and stay; a temporary folder unless given")
    parser.add_argument("--study-side", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--stock-side", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.study_side:
        sampler, trials, folder = arguments.study_side
        print(json.dumps(study_side(sampler, int(trials), folder)))
        return
    if arguments.stock_side:
        print(json.dumps(stock_side(arguments.stock_side)))
        return
    result: dict[str, Any] = {"machine": machine(), "trials": arguments.trials, "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as temporary:
        if arguments.stock:
            result["stock"] = in_a_process("--stock-side", str(arguments.stock))
            print(json.dumps({"stock": result["stock"]}), flush=True)
        for sampler in arguments.samplers.split(","):
            place = str((arguments.folder or Path(temporary)) / sampler)
            found = in_a_process("--study-side", sampler, str(arguments.trials), place)
            for name in ("resume", "status", "doctor"):
                found[f"{name}_seconds"] = command(name, place)
            if arguments.stock:
                found["times_stock"] = found["trials_per_second"] / result["stock"]["trials_per_second"]
            result[sampler] = found
            print(json.dumps({sampler: found}), flush=True)
    result |= {"required": REQUIRED, "load_at_the_end": os.getloadavg()[0]}
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
