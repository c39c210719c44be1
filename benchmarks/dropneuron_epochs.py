"""DropNeuron's MNIST networks beside the authors' scripts: what they reach, and how it scatters from epoch to epoch.

    python -m benchmarks.dropneuron_epochs lenet300 --json FILE
    python -m benchmarks.dropneuron_epochs lenet5 --json FILE      # goes into the same file

Published is the last epoch of one run, at a constant learning rate. Two sides: this project's preset, and the authors'
script written out in plain torch, on 55,000 images and without partial batches. Either is trained from several seeds,
and after each epoch of the second half the weights below the threshold are left out, the rest counted and the test
images classified.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.record import parser, record
from study.config import load
from trainables import data
from trainables.problem import problem
from trainables.seeds import seed_of
from trainables.training import Trial
from trainables.training.stack import Stack

L1, DN, SCALE, THRESHOLD, RATE = 1e-4, 5e-4, 0.1, 0.01, 1e-3
SETTINGS = {"lr": RATE, "l1": L1, "l2": 0.0, "dn": DN, "threshold": THRESHOLD, "scale": SCALE, "ratio": 0.5}

Epoch = Sequence[float]
"""Test accuracy; all weights of the fully connected layers over those that are left."""
Found = Mapping[str, Sequence[Epoch]]
"""By seed, the epochs of the second half."""


@dataclass(frozen=True)
class Experiment:
    """A preset, what was published of its row DropNeuron, and its script: the shapes of the convolutions' weights and
    of the fully connected ones, [in, out], and what draws them."""

    preset: str
    epochs: int
    seeds: int
    batch: int
    accuracy: float
    compression: float
    convolutions: Sequence[tuple[int, int, int, int]]
    sizes: Sequence[int]
    draw: Callable[..., Tensor]


def _normal(*shape: int) -> Tensor:
    return 0.01 * torch.randn(shape)


def _truncated(*shape: int) -> Tensor:
    return nn.init.trunc_normal_(torch.empty(shape), std=0.01, a=-0.02, b=0.02)


EXPERIMENTS = {
    "lenet300": Experiment("dropneuron_lenet300", 100, 1, 256, 0.9817, 10.09, (), (784, 300, 100, 10), _normal),
    "lenet5": Experiment(
        "dropneuron_lenet5", 9, 1, 64, 0.9914, 67.04, ((32, 1, 5, 5), (64, 32, 5, 5)), (3136, 512, 10), _truncated
    ),
}


def ours(experiment: Experiment, seeds: int, epochs: int) -> Found:
    """The preset's trials, as `study reproduce` draws them."""
    config = load(experiment.preset, (f"epochs={epochs}", f"evaluate_every={epochs}"))
    order = [seed_of(config.seed, seed) for seed in range(seeds)]
    found: dict[str, list[Epoch]] = {str(seed): [] for seed in range(seeds)}
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
            weights = [pruned[layer.weight] for layer in where.graph.layers if layer.kind == "linear"]
            accuracies = stack.scores("test", pruned)["accuracy"].tolist()
            for lane, (trial, accuracy) in enumerate(zip(trials, accuracies, strict=True)):
                found[trial.trial].append([accuracy, _compression([weight[lane] for weight in weights])])
            print(stack.epoch, [own[-1] for own in found.values()], flush=True)
    return found


def plain(experiment: Experiment, seeds: int, epochs: int) -> Found:
    """The authors' script: nothing of this project but the images."""
    mnist = data.load("mnist", seed=0, validation=1 / 12, mean=0, std=1)
    train, test = (
        (part.x.float().div(255).reshape(-1, 1, 28, 28), part.y.long()) for part in (mnist.train, mnist.test)
    )
    return {str(seed): list(_plain_run(experiment, seed, epochs, train, test)) for seed in range(seeds)}


def _plain_run(
    experiment: Experiment, seed: int, epochs: int, train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor]
) -> Iterator[Epoch]:
    torch.manual_seed(seed)
    draw, batch = experiment.draw, experiment.batch
    filters = [(draw(*shape).requires_grad_(), draw(shape[0]).requires_grad_()) for shape in experiment.convolutions]
    layers = [
        (draw(one, other).requires_grad_(), draw(other).requires_grad_()) for one, other in pairwise(experiment.sizes)
    ]
    optimizer = torch.optim.Adam([tensor for pair in (*filters, *layers) for tensor in pair], lr=RATE)
    loss, order = nn.CrossEntropyLoss(), torch.arange(len(train[0]))
    for epoch in range(1, epochs + 1):
        for start in range(0, len(order) - batch + 1, batch):
            chosen = order[start : start + batch]
            single = sum(tensor.abs().sum() for pair in layers for tensor in pair)
            groups = sum(weight.norm(dim=0).sum() + weight.norm(dim=1).sum() for weight, _ in layers)
            optimizer.zero_grad()
            outputs = _network(train[0][chosen], filters, layers)
            (loss(outputs, train[1][chosen]) + SCALE * (L1 * single + DN * groups)).backward()
            optimizer.step()
        order = torch.randperm(len(order))
        if 2 * epoch > epochs:
            with torch.no_grad():
                left = [(torch.where(weight.abs() < THRESHOLD, 0, weight), bias) for weight, bias in layers]
                parts = zip(*(part.split(1000) for part in test), strict=True)
                right = sum(int((_network(x, filters, left).argmax(1) == y).sum()) for x, y in parts)
            found = [right / len(test[1]), _compression([weight for weight, _ in left])]
            print(seed, epoch, found, flush=True)
            yield found


_Layer = tuple[Tensor, Tensor]
"""Weight and bias."""


def _network(x: Tensor, filters: Sequence[_Layer], layers: Sequence[_Layer]) -> Tensor:
    for weight, bias in filters:
        x = F.max_pool2d(F.conv2d(x, weight, bias, padding="same").relu(), 2)
    x = x.flatten(1)
    for weight, bias in layers[:-1]:
        x = torch.addmm(bias, x, weight).relu()
    weight, bias = layers[-1]
    return torch.addmm(bias, x, weight)


def _compression(weights: Sequence[Tensor]) -> float:
    return sum(weight.numel() for weight in weights) / sum(int((weight != 0).sum()) for weight in weights)


SIDES: Mapping[str, Callable[[Experiment, int, int], Found]] = {"study": ours, "plain": plain}
TITLES = {"study": "this project's preset", "plain": "the authors' script in plain torch"}


def markdown(experiment: Experiment, sides: Mapping[str, Found]) -> Iterator[str]:
    least = f"{100 * experiment.accuracy:.2f}"
    yield (
        f"| | test accuracy, %: mean over epochs, by seed | sd over epochs | all epochs | at {least} or more | last "
        "| compression: all epochs | last |"
    )
    yield "|---|---|---:|---|---:|---|---|---|"
    for side, found in sides.items():
        accuracies = [[100 * accuracy for accuracy, _ in own] for own in found.values()]
        compressions = [[compression for _, compression in own] for own in found.values()]
        spread = statistics.mean(map(statistics.stdev, accuracies))
        reached = statistics.mean(value >= float(least) - 1e-6 for own in accuracies for value in own)
        cells = [TITLES[side], ", ".join(f"{statistics.mean(own):.2f}" for own in accuracies), f"{spread:.2f}"]
        cells += [_range(accuracies, 2), f"{100 * reached:.0f} %", ", ".join(f"{own[-1]:.2f}" for own in accuracies)]
        cells += [_range(compressions, 1), ", ".join(f"{own[-1]:.1f}" for own in compressions)]
        yield f"| {' | '.join(cells)} |"


def _range(runs: Sequence[Sequence[float]], digits: int) -> str:
    return f"{min(map(min, runs)):.{digits}f} to {max(map(max, runs)):.{digits}f}"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("network", choices=EXPERIMENTS)
    options.add_argument("--seeds", type=int, help="else what the record has")
    options.add_argument("--epochs", type=int, help="else as many as were published")
    arguments = options.parse_args()
    if arguments.epochs is not None and arguments.epochs < 3:
        options.error(f"--epochs: expected 3 or more, so that the second half has two, but got {arguments.epochs}")
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as workers do
    experiment, file = EXPERIMENTS[arguments.network], arguments.json
    seeds, epochs = arguments.seeds or experiment.seeds, arguments.epochs or experiment.epochs
    known = _known(file)
    sides = {side: run(experiment, seeds, epochs) for side, run in SIDES.items()}
    print("\n".join(markdown(experiment, sides)))
    record({"networks": known | {arguments.network: {"epochs": epochs, "sides": sides}}}, file)


def _known(file: Path | None) -> dict[str, Any]:
    return dict(json.loads(file.read_text())["networks"]) if file is not None and file.exists() else {}


if __name__ == "__main__":
    main()
