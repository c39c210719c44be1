"""What polishing gains by going on without the units that are dead in all lanes.

    python -m benchmarks.shrinking --json FILE

Polish epochs of whole networks over those of smaller ones, by the share of units pruned; the reason for
`trainables.training.shrink.LEAST_SHARE`. Where there is a GPU also on it, in wall time. Medians of `--repeats` epochs;
both sides take turns.
"""

from __future__ import annotations

import json
import os
import statistics
import time

os.environ["OMP_NUM_THREADS"] = "1"

import torch

from benchmarks.record import parser, record
from trainables.compaction import cost
from trainables.groups import everything
from trainables.problem import Problem, problem
from trainables.process import settle_process
from trainables.recipe import Recipe
from trainables.training import Stack, Trial, worthwhile

SPARSITIES = (0.0625, 0.125, 0.25, 0.5, 0.75)


def shrinking(where: Problem, size: int, sparsity: float, repeats: int, device: str) -> dict[str, float]:
    """Milliseconds of a polish epoch of ``size`` trials pruned alike, and the share of multiply-adds that goes."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    parameters: dict[str, float | int | str | bool] = {"lr": 3e-3, "sparsity": sparsity, "scope": "layerwise"}
    trials = [Trial(f"t{i}", 0, 0, dict(parameters)) for i in range(size)]
    recipe = Recipe(epochs=repeats + 2, polish=repeats + 1)
    stacks = {
        shrink: Stack(where, "magnitude", recipe, trials, torch.device(device), shrink) for shrink in ("off", "on")
    }
    took: dict[str, list[float]] = {shrink: [] for shrink in stacks}
    for epoch in range(recipe.epochs):
        for shrink, stack in stacks.items():
            started = clock()
            stack.train_epoch()
            if epoch > 1:  # dense in the first, and the first of polishing warms caches up
                took[shrink].append(1e3 * (clock() - started))
    kept = worthwhile(where.graph, stacks["on"].whole.masks, "on")
    assert kept is not None
    macs = [float(cost.count(where.graph, alive)["macs"]) for alive in (kept, everything(where.graph))]
    whole, small = (statistics.median(took[shrink]) for shrink in ("off", "on"))
    return {"whole_ms": whole, "shrunk_ms": small, "speed_up": whole / small, "macs_gone": 1 - macs[0] / macs[1]}


def main() -> None:
    options = parser(__doc__, repeats=7)
    arguments = options.parse_args()
    settle_process()
    torch.set_num_threads(1)
    digits = problem({"name": "digits"}, {"name": "mlp", "widths": [128, 64]}, seed=0)
    images = problem({"name": "digits", "image": True}, {"name": "convnet", "channels": [16, 32]}, seed=0)
    wide = problem({"name": "digits", "image": True}, {"name": "convnet", "channels": [64, 128]}, seed=0)
    polished = (("mlp", digits, 1), ("mlp", digits, 16), ("convnet", images, 1), ("wide convnet", wide, 1))
    result = {
        f"{name} x{size} {device}": {s: shrinking(where, size, s, arguments.repeats, device) for s in SPARSITIES}
        for device in ("cpu", *(("cuda",) if torch.cuda.is_available() else ()))
        for name, where, size in polished
    }
    print(json.dumps(result, indent=2))
    record({"shrinking": result}, arguments.json)


if __name__ == "__main__":
    main()
