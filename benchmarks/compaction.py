"""What making networks smaller costs and gains, on one core.

    python -m benchmarks.compaction --json FILE

resnet56: compacting a ResNet-56 of which half the units inside its blocks are dead, and comparing both networks on as
    many examples as training does.
counting: liveness and counts of 64 lanes of the digits preset's network, as a share of an epoch of theirs.
lenet5: a LeNet-5 cut evenly to a quarter of its macs, against the whole one, batches of 64.
finishing: all that is done to a digits trial after its last epoch (compact, compare, card, bytes), as a share of its
    training; no bound was set for it.

Medians of `--repeats`; both sides of a ratio take turns in the same run.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import torch
from torch import Tensor, nn

from benchmarks.record import parser, record
from trainables import models
from trainables.compaction import compact, cost
from trainables.deploy import measure
from trainables.groups import Alive, Graph, everything, liveness, trace
from trainables.process import settle_process
from trainables.recipe import Recipe
from trainables.training import EXAMPLES, Job, Pack, Trial, outcomes

REQUIRED = {"resnet56_seconds": 2.0, "counting_share_of_epoch": 0.01, "lenet5_speed_up": 2.0}
LANES = 64
EPOCHS = 60


def seconds(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def resnet56(repeats: int) -> dict[str, Any]:
    torch.manual_seed(0)
    module = models.build("resnet56", (3, 32, 32), 10).eval()
    graph = trace(module, torch.zeros(1, 3, 32, 32))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for layer in graph.hidden:
            if not layer.tied:
                dead = torch.rand(layer.units, generator=generator) < 0.5
                module.get_parameter(layer.weight)[dead] = 0
    x = torch.randn(EXAMPLES, 3, 32, 32, generator=generator)
    times: dict[str, list[float]] = {"compact": [], "check": [], "total": []}
    for _ in range(repeats):
        started = time.perf_counter()
        small = compact.compact(module, graph)
        compacted = time.perf_counter()
        found = compact.check(module, small.module, x)
        ended = time.perf_counter()
        times["compact"].append(compacted - started)
        times["check"].append(ended - compacted)
        times["total"].append(ended - started)
    assert found.max_abs_difference < 1e-2, found
    sizes = [sum(p.numel() for p in network.parameters()) for network in (module, small.module)]
    return {"seconds": times, "examples": EXAMPLES, "parameters": sizes, "check": found._asdict()}


def digits(repeats: int) -> dict[str, Any]:
    """A pack of the digits preset's network under group lasso, from mild to strong."""
    trials = tuple(Trial(f"t{i}", i, 0, {"lambda": 0.003 * 100 ** (i / LANES), "lr": 0.003}) for i in range(LANES))
    model = {"name": "mlp", "widths": [128, 64]}
    pack = Pack(Job("group_lasso", {"name": "digits"}, model, Recipe(epochs=EPOCHS, polish=15), trials))
    stack = pack.stack
    assert stack is not None
    counting: list[float] = []
    started = time.process_time()
    for _ in range(EPOCHS - 1):
        pack.train_epoch()
        counting.append(seconds(lambda: cost.count(stack.problem.graph, stack.alive())))
    training = (time.process_time() - started - sum(counting)) / LANES
    epoch = stack.train_seconds / stack.epoch
    finishing = []
    for _ in range(repeats):
        started = time.process_time()
        for outcome in outcomes(stack):
            assert outcome is not None and outcome.module is not None
            outcome.saved({}).to_bytes()
        finishing.append((time.process_time() - started) / LANES)
    return {
        "lanes": LANES,
        "epoch_seconds": epoch,
        "counting_seconds": counting,
        "training_seconds_per_lane": training,
        "finishing_seconds_per_lane": finishing,
        "widths": stack.history[-1]["widths"].tolist(),
    }


def lenet5(repeats: int) -> dict[str, Any]:
    torch.manual_seed(0)
    shape = (1, 28, 28)
    whole = models.build("lenet5", shape, 10).eval()
    graph = trace(whole, torch.zeros(1, *shape))
    full = int(cost.count(graph, everything(graph))["macs"])
    share = next(
        s / 100 for s in range(100, 0, -1) if int(cost.count(graph, _first(graph, s / 100))["macs"]) * 4 <= full
    )
    alive = _first(graph, share)
    small = compact.compact(_masked(whole, graph, alive), graph, alive).module
    times: dict[str, list[float]] = {"dense": [], "compact": []}
    for _ in range(repeats):
        for name, network in (("dense", whole), ("compact", small)):
            times[name].append(measure(network, shape, 64, threads=1, seconds=1.0).p50_ms)
    counts = cost.count(graph, alive)
    return {
        "p50_ms": times,
        "macs": [full, int(counts["macs"])],
        "widths": counts["widths"][0].tolist(),
        "batch": 64,
    }


def _first(graph: Graph, share: float) -> Alive:
    """The first units of every layer."""
    units: dict[str, Tensor] = {}
    for layer in graph.layers:
        kept = max(1, round(share * layer.units)) if layer.hidden else layer.units
        units[layer.name] = (torch.arange(layer.units) < kept).unsqueeze(0)
    return Alive(units, torch.ones(1, graph.input_features, dtype=torch.bool), {})


@torch.no_grad()
def _masked(module: nn.Module, graph: Graph, alive: Alive) -> nn.Module:
    """The network with the weights of the others zero."""
    for layer in graph.hidden:
        for name in (layer.weight, layer.bias):
            if name:
                module.get_parameter(name)[~alive.units[layer.name][0]] = 0
    params = {name: p.detach().unsqueeze(0) for name, p in module.named_parameters()}
    assert all(torch.equal(liveness(graph, params).units[name], mask) for name, mask in alive.units.items())
    return module


def main() -> None:
    options = parser(__doc__, repeats=7)
    arguments = options.parse_args()
    settle_process()
    torch.set_num_threads(1)
    parts = {
        "resnet56": resnet56(arguments.repeats),
        "lenet5": lenet5(arguments.repeats),
        "digits": digits(arguments.repeats),
    }
    middle = statistics.median
    on_digits, times = parts["digits"], parts["lenet5"]["p50_ms"]
    reached = {
        "resnet56_seconds": middle(parts["resnet56"]["seconds"]["total"]),
        "counting_share_of_epoch": middle(on_digits["counting_seconds"]) / on_digits["epoch_seconds"],
        "lenet5_speed_up": middle(times["dense"]) / middle(times["compact"]),
        "finishing_share_of_trial": middle(on_digits["finishing_seconds_per_lane"])
        / on_digits["training_seconds_per_lane"],
    }
    result = {"reached": reached, "required": REQUIRED, "measured": parts}
    print(json.dumps({"reached": reached, "required": REQUIRED}, indent=2))
    record(result, arguments.json)


if __name__ == "__main__":
    main()
