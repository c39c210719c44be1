"""What a training step costs a trial, alone and stacked with others, on one core; and the floor under it.

    python -m benchmarks.step_speed --json FILE

mlp: digits, 64-128-64-10, every method. convnet: digits as images, 16 and 32 channels, dense alone. wide convnet: 64
and 128 channels on a few of them; the reason for SMALL_MACS of trainables.training. lenet5_caffe and resnet20: dense,
on noise of the size of MNIST's and CIFAR-10's images, a trial alone and four in a stack. The ratio is the CPU time of a
step alone over that of a trial's share of a stacked step: above 1 stacking pays. An epoch's scores and counts are part
of its steps.
floor: what the step's matrix products would take at the machine's peak rate, measured in the same run
(`benchmarks.floor`), and the share of the step that they are; plain: a step of the same network by a loop as one would
write it, torch.optim's Adam and no more.

Best of `--repeats` epochs; packs of all sizes take turns.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Sequence
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch
from torch.nn import functional

from benchmarks.floor import Rates
from benchmarks.record import parser, record
from trainables.declarations import declarations
from trainables.problem import Problem, problem
from trainables.process import settle_process
from trainables.recipe import Recipe
from trainables.training import Stack, Trial

SIZES = (1, 8, 16, 32, 64)
FEW = (1, 4)
STRENGTH = {
    "group_lasso": {"lambda": 1e-3},
    "sparse_group_lasso": {"lambda": 1e-3},
    "exclusive_group": {"lambda": 1e-4},
    "drop_neuron": {"dn": 1e-3},
    "npn": {"lambda": 0.1},
}


def on_noise(model: str, shape: tuple[int, ...]) -> Problem:
    """A model on noise in the place of images (N, channels, height, width): a step takes as long as on real ones."""
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/noise.npz"
        np.savez(file, x=generator.integers(0, 256, shape, dtype=np.uint8), y=np.arange(shape[0]) % 10)
        return problem({"name": file}, {"name": model}, seed=0)


def step_ms(
    where: Problem, method: str, repeats: int, rates: Rates, sizes: Sequence[int] = SIZES, batch: int = 32
) -> dict[int, float]:
    """CPU milliseconds per trial and step by the number of trials in the stack."""
    parameters = {"lr": 3e-3, **STRENGTH.get(method, {})}
    recipe = Recipe(epochs=repeats + 3, polish=1, batch_size=batch)
    stacks = {}
    for size in sizes:
        trials = [Trial(f"t{i}", i, 0, dict(parameters)) for i in range(size)]
        stacks[size] = Stack(where, method, recipe, trials, torch.device("cpu"))
        stacks[size].train_epoch()  # the first epoch warms caches up
    best = dict.fromkeys(sizes, float("inf"))
    for _ in range(repeats):
        rates.take()
        for size, stack in stacks.items():
            started = time.process_time()
            stack.train_epoch()
            took = (time.process_time() - started) / len(stack.batches) / size
            best[size] = min(best[size], 1e3 * took)
    return best


def plain_ms(where: Problem, repeats: int, batch: int = 32) -> float:
    """CPU milliseconds of a step by a plain loop, validation included."""
    module, dataset = where.module(0), where.dataset
    optimizer = torch.optim.Adam(module.parameters(), lr=3e-3)
    x, y = dataset.inputs(dataset.train.x), dataset.targets(dataset.train.y)
    x_val, y_val = dataset.inputs(dataset.validation.x), dataset.targets(dataset.validation.y)
    best = float("inf")
    for _ in range(repeats + 1):
        started = time.process_time()
        module.train()
        batches = torch.randperm(len(x)).split(batch)
        for index in batches:
            optimizer.zero_grad()
            functional.cross_entropy(module(x[index]), y[index]).backward()
            optimizer.step()
        module.eval()
        with torch.no_grad():
            output = module(x_val)
            float(functional.cross_entropy(output, y_val)), float((output.argmax(1) == y_val).float().mean())
        best = min(best, 1e3 * (time.process_time() - started) / len(batches))
    return best


def main() -> None:
    options = parser(__doc__, repeats=7)
    arguments = options.parse_args()
    settle_process()
    torch.set_num_threads(1)
    repeats, rates = arguments.repeats, Rates()
    digits = problem({"name": "digits"}, {"name": "mlp", "widths": [128, 64]}, seed=0)
    images = problem({"name": "digits", "image": True}, {"name": "convnet", "channels": [16, 32]}, seed=0)
    wide = {"name": "convnet", "channels": [64, 128]}
    few = problem({"name": "digits", "image": True, "limit": 160}, wide, seed=0)
    lenet = on_noise("lenet5_caffe", (640, 1, 28, 28))
    resnet = on_noise("resnet20", (160, 3, 32, 32))
    measured: dict[str, dict[str, Any]] = {
        "mlp": {method: step_ms(digits, method, repeats, rates) for method in declarations()},
        "convnet": {"dense": step_ms(images, "dense", repeats, rates)},
        "wide convnet": {"dense": step_ms(few, "dense", repeats, rates)},
        "lenet5_caffe": {"dense": step_ms(lenet, "dense", repeats, rates, FEW)},
        "resnet20": {"dense": step_ms(resnet, "dense", repeats, rates, FEW)},
    }
    networks = {"mlp": digits, "convnet": images, "wide convnet": few, "lenet5_caffe": lenet, "resnet20": resnet}
    plain = {name: plain_ms(where, repeats) for name, where in networks.items()}
    floor = {
        model: {method: rates.floor_ms(networks[model], 32, int(method == "npn")) for method in by_method}
        for model, by_method in measured.items()
    }
    at_floor = {
        model: {method: {size: floor[model][method] / ms[size] for size in ms} for method, ms in by_method.items()}
        for model, by_method in measured.items()
    }
    ratios = {
        model: {method: {size: ms[1] / ms[size] for size in ms} for method, ms in by_method.items()}
        for model, by_method in measured.items()
    }
    result = {
        "rates": rates.to_dict(),
        "share_of_products": at_floor,
        "floor_ms": floor,
        "plain_ms": plain,
        "speed_up_by_stacking": ratios,
        "step_ms": measured,
    }
    print(json.dumps(result, indent=2))
    record(result, arguments.json)


if __name__ == "__main__":
    main()
