"""Whether training is right on a GPU, and how fast: one command for a machine that has one, in minutes.

    python -m benchmarks.gpu_check --json FILE

Needs torch, pandas and pyarrow, and neither Ray nor Optuna. On noise of the size of digits, MNIST's and CIFAR-10's
images, so no data either. ``--device cpu --quick`` shows within a minute that the program itself works.

right: the largest difference, as a share of the largest number, between
    - a trial in a pack and alone (pack invariance), its parameters after some epochs;
    - a trial stopped, written to a file, read back and resumed, and one that was not (has to be 0);
    - the compact network and the masked one;
    - the losses of the GPU and of the CPU over the first epoch
    - steps replayed as CUDA graphs and steps taken one by one, the parameters after all epochs.
replayed: by method, why its steps cannot be replayed; empty where they are.
fast: trials times examples per second, of a plain eager loop, of the same in a CUDA graph, of a trial alone and of
packs by width, with and without graphs, medians in one run of `--repeats` epochs; memory held at the most.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from trainables.declarations import declarations
from trainables.problem import Problem, problem
from trainables.recipe import Recipe
from trainables.training import Stack, Trial, outcomes

TOLERANCES = {"alone": 2e-3, "resumed": 0.0, "compact": 1e-4, "cpu": 2e-3, "graphs": 2e-3}
"""Of float32 sums in another order over some epochs; a resumed trial is the same to the bit."""


class Side(NamedTuple):
    """A network on noise, and what it is trained with."""

    model: dict[str, Any]
    shape: tuple[int, ...]
    batch: int
    widths: tuple[int, ...]


SIDES = {
    "mlp": Side({"name": "mlp", "widths": [128, 64]}, (1800, 1, 8, 8), 32, (16, 64, 256)),
    "lenet5_caffe": Side({"name": "lenet5_caffe"}, (6400, 1, 28, 28), 128, (8, 32, 64)),
    "resnet56": Side({"name": "resnet56"}, (1280, 3, 32, 32), 128, (4, 16)),
}
QUICK = {"mlp": Side({"name": "mlp", "widths": [16, 8]}, (200, 1, 8, 8), 32, (2, 4))}


def on_noise(side: Side) -> Problem:
    """Uniform pixels (N, channels, height, width), the classes by turns."""
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/noise.npz"
        pixels = generator.integers(0, 256, side.shape, dtype=np.uint8)
        np.savez(file, x=pixels, y=np.arange(len(pixels)) % 10)
        return problem({"name": file}, side.model, seed=0)


def trials_of(method: str, count: int) -> list[Trial]:
    """With the settings that a method's declaration gives as examples, by turns."""
    examples = declarations()[method].examples
    return [Trial(f"t{i}", i, 0, {"lr": 1e-3, **examples[i % len(examples)]}) for i in range(count)]


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """The largest, as a share of the largest number or of 1."""
    one, other = one.double().cpu(), other.double().cpu()
    return float((one - other).abs().max() / one.abs().max().clamp_min(1)) if one.numel() else 0.0


def checked(where: Problem, method: str, device: torch.device, batch: int) -> dict[str, float]:
    """The differences of TOLERANCES, of three trials over four epochs."""
    trials, recipe = trials_of(method, 3), Recipe(epochs=4, polish=1, batch_size=batch)

    def stack(lanes: Sequence[Trial] = trials, place: torch.device = device) -> Stack:
        return Stack(where, method, recipe, lanes, place)

    pack, alone, stopped, on_cpu = stack(), stack(trials[1:2]), stack(), stack(place=torch.device("cpu"))
    eager = stack()
    on_cpu.train_epoch()
    for epoch in range(recipe.epochs):
        pack.train_epoch()
        alone.train_epoch()
        without_graphs(eager)()
        if epoch == 0:
            first = difference(on_cpu.history[0]["train_loss"], pack.history[0]["train_loss"])
        if epoch < 2:
            stopped.train_epoch()
    file = io.BytesIO()
    torch.save(stopped.state_dict(), file)
    file.seek(0)
    resumed = stack()
    resumed.load_state_dict(torch.load(file, map_location=device, weights_only=True))
    while not resumed.done:
        resumed.train_epoch()
    found = [outcome for outcome in outcomes(pack) if outcome is not None]
    return {
        "alone": max(difference(tensor[1:2], alone.params[name]) for name, tensor in pack.params.items()),
        "resumed": max(difference(tensor, resumed.params[name]) for name, tensor in pack.params.items()),
        "compact": max((outcome.columns.get("max_abs_difference", float("inf")) for outcome in found), default=0.0),
        "cpu": first,
        "graphs": max(difference(tensor, eager.params[name]) for name, tensor in pack.params.items()),
    }


def without_graphs(stack: Stack) -> Callable[[], None]:
    """An epoch whose steps are taken one by one."""

    def epoch() -> None:
        stack.steps.replayed = None
        stack.train_epoch()

    return epoch


def refusal(where: Problem, method: str, device: torch.device, batch: int) -> str:
    """Why the steps of a method are not replayed."""
    stack = Stack(where, method, Recipe(epochs=2, batch_size=batch), trials_of(method, 3), device)
    stack.train_epoch()
    replayed = stack.steps.replayed
    return "no GPU, or epochs are short" if replayed is None else replayed.refused


def measured(where: Problem, side: Side, device: torch.device, repeats: int) -> dict[str, float]:
    """Trials times examples per second, by what trains them."""
    examples, wait = len(where.dataset.train), torch.cuda.synchronize if device.type == "cuda" else lambda: None
    recipe = Recipe(epochs=repeats + 2, batch_size=side.batch)
    stacks = {n: Stack(where, "dense", recipe, trials_of("dense", n), device) for n in (1, *side.widths)}
    epochs: dict[str, tuple[int, Callable[[], None]]] = {"plain": (1, plain(where, side.batch, device))}
    epochs |= {f"pack of {n}": (n, stack.train_epoch) for n, stack in stacks.items()}
    if device.type == "cuda":
        epochs["plain in a graph"] = 1, plain(where, side.batch, device, graph=True)
        eager = {n: Stack(where, "dense", recipe, trials_of("dense", n), device) for n in stacks}
        epochs |= {f"pack of {n}, no graphs": (n, without_graphs(stack)) for n, stack in eager.items()}
    took: dict[str, list[float]] = {name: [] for name in epochs}
    for repeat in range(repeats + 1):
        for name, (trials, epoch) in epochs.items():
            wait()
            started = time.perf_counter()
            epoch()
            wait()
            if repeat:  # the first one warms up
                took[name].append(trials * examples / (time.perf_counter() - started))
    return {name: statistics.median(rates) for name, rates in took.items()}


def plain(where: Problem, batch: int, device: torch.device, graph: bool = False) -> Callable[[], None]:
    """An epoch as one would write it: torch.optim's Adam, data on the device, a validation at the end.

    Args:
        graph: whole batches as a CUDA graph, as torch's own guide has it.
    """
    module, dataset = where.module(0).to(device), where.dataset.to(device)
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, capturable=graph)
    x, y = dataset.inputs(dataset.train.x), dataset.targets(dataset.train.y)
    x_val, y_val = dataset.inputs(dataset.validation.x), dataset.targets(dataset.validation.y)

    def step(x: torch.Tensor, y: torch.Tensor) -> None:
        optimizer.zero_grad()
        functional.cross_entropy(module(x), y).backward()
        optimizer.step()

    whole = in_a_graph(step, x[:batch], y[:batch]) if graph else step

    def epoch() -> None:
        module.train()
        for index in torch.randperm(len(x), device=device).split(batch):
            (whole if len(index) == batch else step)(x[index], y[index])
        module.eval()
        with torch.no_grad():
            float((module(x_val).argmax(1) == y_val).float().mean())

    return epoch


def in_a_graph(step: Callable[[torch.Tensor, torch.Tensor], None], x: torch.Tensor, y: torch.Tensor) -> Any:
    """``step`` of batches of this shape, recorded after three that warm up on a stream beside."""
    x, y, beside = x.clone(), y.clone(), torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(3):
            step(x, y)
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step(x, y)

    def replay(new_x: torch.Tensor, new_y: torch.Tensor) -> None:
        x.copy_(new_x)
        y.copy_(new_y)
        graph.replay()

    return replay


def check(device: torch.device, sides: dict[str, Side], repeats: int) -> dict[str, Any]:
    right: dict[str, dict[str, dict[str, float]]] = {}
    fast: dict[str, dict[str, float]] = {}
    replayed: dict[str, dict[str, str]] = {}
    for name, side in sides.items():
        where = on_noise(side)
        methods = tuple(declarations()) if name == "mlp" else ("dense", "group_lasso")
        right[name] = {method: checked(where, method, device, side.batch) for method in methods}
        replayed[name] = {method: refusal(where, method, device, side.batch) for method in methods}
        fast[name] = measured(where, side, device, repeats)
        found = {"right": right[name], "replayed": replayed[name], "fast": fast[name]}
        print(json.dumps({name: found}, indent=2), flush=True)
    wrong = [
        f"{name} {method} {what}: {value:.3g} above {TOLERANCES[what]:g}"
        for name, by_method in right.items()
        for method, found in by_method.items()
        for what, value in found.items()
        if not value <= TOLERANCES[what]
    ]
    ratios = {
        name: {what: rate / rates["plain"] for what, rate in rates.items() if what != "plain"}
        for name, rates in fast.items()
    }
    tables = {"right": right, "replayed": replayed, "examples_per_second": fast, "faster_than_plain": ratios}
    return {"wrong": wrong, **tables}


def machine(device: torch.device) -> dict[str, Any]:
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {"gpu": gpu, "system": platform.system(), "python": platform.python_version(), "torch": version("torch")}


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a small network only, to try the program")
    arguments = parser.parse_args(given)
    device = torch.device(arguments.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SystemExit("torch sees no GPU here; --device cpu tries the program without one")
    torch.set_flush_denormal(True)
    result = check(device, QUICK if arguments.quick else SIDES, arguments.repeats)
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
    result = {"machine": machine(device), "peak_bytes": peak, **result}
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    print("\n".join(result["wrong"]) or "right in everything")
    if result["wrong"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
