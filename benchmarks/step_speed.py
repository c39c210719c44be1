"""What a training step costs a trial, alone and stacked with others, on one core.

    python -m benchmarks.step_speed --json FILE

mlp: digits, 64-128-64-10, every method. convnet: digits as images, 16 and 32 channels, dense alone; the reason why
convolutions are not stacked on a CPU (`trainables.pack`). The ratio is the CPU time of a step alone over that of a
trial's share of a stacked step: above 1 stacking pays. An epoch's scores and counts are part of its steps.

Best of `--repeats` epochs; packs of all sizes take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import torch

from benchmarks.machine import machine
from trainables.methods import METHODS
from trainables.problem import Problem, problem
from trainables.stack import Recipe, Stack, Trial
from trainables.trainable import settle_process

SIZES = (1, 8, 16, 32, 64)
STRENGTH = {
    "group_lasso": {"lambda": 1e-3},
    "sparse_group_lasso": {"lambda": 1e-3},
    "exclusive_group": {"lambda": 1e-4},
    "drop_neuron": {"dn": 1e-3},
    "npn": {"lambda": 0.1},
}


def step_ms(where: Problem, method: str, repeats: int) -> dict[int, float]:
    """CPU milliseconds per trial and step by the number of trials in the stack."""
    parameters = {"lr": 3e-3, **STRENGTH.get(method, {})}
    recipe = Recipe(epochs=repeats + 3, polish=1)
    stacks = {}
    for size in SIZES:
        trials = [Trial(f"t{i}", i, 0, dict(parameters)) for i in range(size)]
        stacks[size] = Stack(where, method, recipe, trials, torch.device("cpu"))
        stacks[size].train_epoch()  # the first epoch warms caches up
    best = dict.fromkeys(SIZES, float("inf"))
    for _ in range(repeats):
        for size, stack in stacks.items():
            started = time.process_time()
            stack.train_epoch()
            took = (time.process_time() - started) / len(stack.batches) / size
            best[size] = min(best[size], 1e3 * took)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    settle_process()
    torch.set_num_threads(1)
    digits = problem({"name": "digits"}, {"name": "mlp", "widths": [128, 64]}, seed=0)
    images = problem({"name": "digits", "image": True}, {"name": "convnet", "channels": [16, 32]}, seed=0)
    measured: dict[str, dict[str, Any]] = {
        "mlp": {method: step_ms(digits, method, arguments.repeats) for method in METHODS},
        "convnet": {"dense": step_ms(images, "dense", arguments.repeats)},
    }
    ratios = {
        model: {method: {size: ms[1] / ms[size] for size in SIZES} for method, ms in by_method.items()}
        for model, by_method in measured.items()
    }
    print(json.dumps({"speed_up_by_stacking": ratios, "step_ms": measured}, indent=2))
    if arguments.json:
        result = {"machine": machine(), "speed_up_by_stacking": ratios, "step_ms": measured}
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
