"""How long structure takes: `python -m benchmarks.tracing [--json FILE]`.

trace     networks of about 100 layers: the required 3 seconds.
measure   which units 16 lanes need and what they cost, as training asks after each epoch, as a share of the epoch: the
          required 2 %.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import torch
from torch import nn

from benchmarks.machine import machine
from trainables import models
from trainables.compaction import cost
from trainables.groups import liveness, trace
from trainables.models.attention import with_layers
from trainables.problem import problem
from trainables.recipe import Recipe
from trainables.training.stack import Stack, Trial

REQUIRED = {"trace_seconds": 3.0, "measure_share": 0.02}
LANES = 16


class Encoder(nn.Module):
    """16 blocks of a transformer, six layers each."""

    def __init__(self) -> None:
        super().__init__()
        block = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True)
        self.blocks, self.first, self.last = nn.TransformerEncoder(block, 16), nn.Linear(8, 64), nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.last(self.blocks(self.first(x)).mean(1))
        return out


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "mlp of 100 layers": (lambda: models.build("mlp", (64,), 10, widths=[64] * 99), (1, 64)),
    "resnet110": (lambda: models.build("resnet110", (3, 32, 32), 10), (1, 3, 32, 32)),
    "transformer of 16 blocks": (lambda: with_layers(Encoder()), (1, 8, 8)),
}
STUDIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "digits, mlp": ({"name": "digits"}, {"name": "mlp", "widths": [128, 64]}),
    "digits, vit": (
        {"name": "digits", "image": True},
        {"name": "transformers:ViTForImageClassification", "patch_size": 2, "hidden_size": 32}
        | {"intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4},
    ),
}


def traced(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> dict[str, Any]:
    module, x = make().eval(), torch.randn(shape)
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        graph = trace(module, x)
        seconds.append(time.perf_counter() - started)
    return {"layers": len(graph.layers), "seconds": statistics.median(seconds), "first_seconds": seconds[0]}


def measured(data: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    trials = [Trial(f"t{i}", i, 0, {"lambda": 0.003 * i, "lr": 0.01}) for i in range(LANES)]
    recipe = Recipe(epochs=3, polish=0, batch_size=32)
    stack = Stack(problem(data, model, 0), "group_lasso", recipe, trials, torch.device("cpu"))
    stack.train_epoch()
    started = time.perf_counter()
    stack.train_epoch()
    epoch = time.perf_counter() - started
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        cost.count(stack.problem.graph, liveness(stack.problem.graph, stack.params, stack.buffers))
        seconds.append(time.perf_counter() - started)
    part = statistics.median(seconds)
    return {"epoch_seconds": epoch, "measure_seconds": part, "share": part / epoch}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the result here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result = {
        "machine": machine(),
        "required": REQUIRED,
        "trace": {name: traced(*network) for name, network in NETWORKS.items()},
        "measure": {name: measured(*study) for name, study in STUDIES.items()},
    }
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
