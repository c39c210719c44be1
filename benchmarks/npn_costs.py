"""What NPN loses or gains by how it charges its gates and by the sharpness of its first stage, on digits.

    python -m benchmarks.npn_costs --json FILE

One study of NPN alone for each cost, k_start and seed. The ranges of lambda charge a gate of the first hidden layer
alike: with 10 weights on it and 1077 training examples per_example has w_1 of about .06.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import analysis
import study
from benchmarks.record import parser, record

OBJECTIVES = ("accuracy", "neurons")
BOX = analysis.Reference(OBJECTIVES, ideal=(1.0, 1.0), worst=(0.8, 192.0), log=("neurons",))
LEVEL = 0.95
LAMBDA = {"per_example": [0.03, 1.0], "equal": [0.002, 0.06]}
K_START = (7, 5000)


@dataclass(frozen=True)
class Row:
    """The fronts of one setting by seed: hypervolumes, and the fewest neurons at 95 % validation accuracy."""

    cost: str
    k_start: int
    hypervolumes: list[float]
    neurons: list[int | None]


def setting(folder: Path, cost: str, k_start: int, seeds: range, trials: int) -> Row:
    space: dict[str, object] = {
        "lr": [0.02, 0.2],
        "lambda": LAMBDA[cost],
        "cost": cost,
        "input_gates": "free",
        "gate_lr": [5e-3, 3e-2],
    }
    space |= {"stage_1": [0.02, 0.2], "stage_2": 0.75, "k_start": k_start}
    methods = json.dumps({"npn": {"space": space}})
    volumes, neurons = list[float](), list[int | None]()
    for seed in seeds:
        place = folder / f"{cost}-{k_start}-{seed}"
        settings = [f"seed={seed}", f"trials={trials}", "searches=1", f"methods={methods}"]
        study.run("digits", place, overrides=settings, progress=False)
        found = analysis.load(place).trials
        smallest = analysis.fewest(found, "neurons", "accuracy", LEVEL)
        volumes.append(float(analysis.hypervolume(found, OBJECTIVES, reference=BOX)))
        neurons.append(None if smallest is None else int(smallest["neurons"]))
    return Row(cost, k_start, volumes, neurons)


def markdown(rows: list[Row]) -> Iterator[str]:
    yield "| cost | first stage | hypervolume, by seed | mean | neurons |"
    yield "|---|---|---|---:|---|"
    for row in rows:
        by_seed, sizes = ", ".join(f"{one:.3f}" for one in row.hypervolumes), ", ".join(map(str, row.neurons))
        yield f"| `{row.cost}` | k = {row.k_start} | {by_seed} | {statistics.mean(row.hypervolumes):.3f} | {sizes} |"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--trials", type=int, default=64)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            setting(Path(folder), cost, k_start, range(arguments.seeds), arguments.trials)
            for cost, k_start in product(LAMBDA, K_START)
        ]
    print("\n".join(markdown(rows)))
    record({"trials": arguments.trials, "rows": list(map(asdict, rows))}, arguments.json)


if __name__ == "__main__":
    main()
