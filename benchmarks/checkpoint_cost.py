"""What checkpoints cost: seconds to write one, its size, and its share of the default interval between two.

    python -m benchmarks.checkpoint_cost --json FILE

Packs of 16 on one core, half-way through their training, so that the optimiser's state and the curves are in it.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.record import parser, record
from study.config import StudyConfig, to_yaml
from study.directory import StudyDirectory
from study.rehearsal import scales
from study.running import Training
from study.search import Search

REQUIRED = 0.02
EPOCHS = 60
STUDIES = {
    "mlp 128-64, stacked": {"model": {"name": "mlp", "widths": [128, 64]}, "pack": {"size": 16, "vectorize": "on"}},
    "mlp 128-64, in turn": {"model": {"name": "mlp", "widths": [128, 64]}, "pack": {"size": 16, "vectorize": "off"}},
    "mlp 1024-1024, stacked": {
        "model": {"name": "mlp", "widths": [1024, 1024]},
        "pack": {"size": 16, "vectorize": "on"},
    },
}


def cost(settings: dict[str, Any], folder: Path, repeats: int) -> dict[str, float]:
    config = StudyConfig.model_validate(
        {
            "name": "cost",
            "data": "digits",
            "epochs": EPOCHS,
            "batch_size": 539,
            "trials": 16,
            "methods": ["group_lasso"],
        }
        | {"checkpoint": {"seconds": None}}
        | settings
    )
    directory = StudyDirectory(folder)
    directory.create(to_yaml(config))
    manifest = Search(config, directory, scales(config)).ask()
    assert manifest is not None
    directory.write_manifest(manifest)
    training = Training(config, directory, manifest["pack"])
    training.advance(3600, until=lambda: training.epochs >= EPOCHS // 2)
    seconds = []
    for _ in range(repeats):
        training.advance(0.001)
        started = time.perf_counter()
        training.save()
        seconds.append(time.perf_counter() - started)
    newest = directory.store.names("checkpoints", ".pt")[-1]
    median = statistics.median(seconds)
    interval = StudyConfig.model_fields["checkpoint"].default.seconds
    return {
        "seconds": median,
        "megabytes": len(directory.store.get(newest)) / 1e6,
        "interval_seconds": interval,
        "share": median / interval,
    }


def main() -> None:
    options = parser(__doc__, repeats=10)
    arguments = options.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        costs = {
            name: cost(settings, Path(scratch) / str(index), arguments.repeats)
            for index, (name, settings) in enumerate(STUDIES.items())
        }
    result = {"required_share": REQUIRED, "costs": costs}
    print(json.dumps(result, indent=2))
    record(result, arguments.json)


if __name__ == "__main__":
    main()
