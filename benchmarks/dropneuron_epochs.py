"""How far the accuracy of DropNeuron's LeNet-300-100 scatters from epoch to epoch, at its constant learning rate.

    python -m benchmarks.dropneuron_epochs --json FILE

Published is the last epoch of one run. Two sides: this project's preset, and the authors' script written out in plain
torch, on 55,000 images and without partial batches. Either is trained from several seeds, and after each
epoch of the second half the test images are classified without the weights below the threshold.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.record import parser, record
from study.config import load
from trainables import data
from trainables.problem import problem
from trainables.seeds import seed_of
from trainables.training import Trial
from trainables.training.stack import Stack

PRESET = "dropneuron_lenet300"
SIZES = (784, 300, 100, 10)
L1, DN, SCALE, THRESHOLD, RATE, BATCH = 1e-4, 5e-4, 0.1, 0.01, 1e-3, 256
PUBLISHED = 0.9817
Found = Mapping[str, list[float]]
"""By seed, the test accuracy after each epoch of the second half."""


def ours(seeds: int, epochs: int) -> Found:
    """The preset's trials, as `study reproduce` draws them."""
    config = load(PRESET, (f"epochs={epochs}", f"evaluate_every={epochs}"))
    order = [seed_of(config.seed, seed) for seed in range(seeds)]
    found: dict[str, list[float]] = {str(seed): [] for seed in range(seeds)}
    trials = [
        Trial(str(seed), seed_of(config.seed, "drop_neuron", seed), order[seed], dict(SETTINGS))
        for seed in range(seeds)
    ]
    where = problem(config.data_options(), config.model_options(), config.seed, order)
    stack = Stack(where, "drop_neuron", config.recipe("drop_neuron"), trials, torch.device("cpu"))
    while not stack.done:
        stack.train_epoch()
        if 2 * stack.epoch > epochs:
            pruned = stack.method.ended_now(stack.params, stack.state, stack.knobs)
            for trial, accuracy in zip(trials, stack.scores("test", pruned)["accuracy"].tolist(), strict=True):
                found[trial.trial].append(accuracy)
            print(stack.epoch, [own[-1] for own in found.values()], flush=True)
    return found


SETTINGS = {"lr": RATE, "l1": L1, "l2": 0.0, "dn": DN, "threshold": THRESHOLD, "scale": SCALE, "ratio": 0.5}


def plain(seeds: int, epochs: int) -> Found:
    """The authors' script: nothing of this project but the images."""
    mnist = data.load("mnist", seed=0, validation=1 / 12, mean=0, std=1)
    (x, y), (test_x, test_y) = (
        (part.x.float().div(255).flatten(1), part.y.long()) for part in (mnist.train, mnist.test)
    )
    return {str(seed): list(_plain_run(seed, epochs, x, y, test_x, test_y)) for seed in range(seeds)}


def _plain_run(seed: int, epochs: int, x: Tensor, y: Tensor, test_x: Tensor, test_y: Tensor) -> Iterator[float]:
    torch.manual_seed(seed)
    pairs = list(pairwise(SIZES))
    weights = [(0.01 * torch.randn(one, other)).requires_grad_() for one, other in pairs]
    biases = [(0.01 * torch.randn(other)).requires_grad_() for other in SIZES[1:]]
    optimizer = torch.optim.Adam([*weights, *biases], lr=RATE)
    loss, order = nn.CrossEntropyLoss(), torch.arange(len(x))
    for epoch in range(1, epochs + 1):
        for start in range(0, len(x) - BATCH + 1, BATCH):
            batch = order[start : start + BATCH]
            single = sum(tensor.abs().sum() for tensor in (*weights, *biases))
            groups = sum(weight.norm(dim=0).sum() + weight.norm(dim=1).sum() for weight in weights)
            optimizer.zero_grad()
            cost = loss(_network(x[batch], weights, biases), y[batch]) + SCALE * (L1 * single + DN * groups)
            cost.backward()
            optimizer.step()
        order = torch.randperm(len(x))
        if 2 * epoch > epochs:
            with torch.no_grad():
                pruned = [torch.where(weight.abs() < THRESHOLD, 0, weight) for weight in weights]
                right = _network(test_x, pruned, biases).argmax(1) == test_y
            print(seed, epoch, float(right.float().mean()), flush=True)
            yield float(right.double().mean())


def _network(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        x = torch.addmm(bias, x, weight).relu()
    return torch.addmm(biases[-1], x, weights[-1])


SIDES: Mapping[str, Callable[[int, int], Found]] = {"study": ours, "plain": plain}
TITLES = {"study": "this project's preset", "plain": "the authors' script in plain torch"}


def markdown(sides: Mapping[str, Found]) -> Iterator[str]:
    yield "| test accuracy, % | mean over epochs, by seed | sd over epochs | all epochs | at 98.17 or more | last |"
    yield "|---|---|---:|---|---:|---|"
    for side, found in sides.items():
        runs = [[100 * value for value in own] for own in found.values()]
        means, last = ([f"{value:.2f}" for value in own] for own in (map(statistics.mean, runs), (r[-1] for r in runs)))
        spread = statistics.mean(map(statistics.stdev, runs))
        least, most = min(map(min, runs)), max(map(max, runs))
        reached = statistics.mean(value >= 100 * PUBLISHED - 1e-6 for own in runs for value in own)
        cells = [TITLES[side], ", ".join(means), f"{spread:.2f}", f"{least:.2f} to {most:.2f}"]
        cells += [f"{100 * reached:.0f} %", ", ".join(last)]
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--epochs", type=int, default=100)
    options.add_argument("--sides", nargs="+", default=list(SIDES), choices=SIDES)
    arguments = options.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as workers do
    file: Path | None = arguments.json
    known: dict[str, Any] = json.loads(file.read_text())["sides"] if file is not None and file.exists() else {}
    sides = known | {side: SIDES[side](arguments.seeds, arguments.epochs) for side in arguments.sides}
    sides = {side: sides[side] for side in SIDES if side in sides}
    print("\n".join(markdown(sides)))
    record({"epochs": arguments.epochs, "sides": sides}, file)


if __name__ == "__main__":
    main()
