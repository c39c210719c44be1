"""What NPN loses or gains by how it charges its gates and by the sharpness of its first stage, on digits and MNIST.

    python -m benchmarks.npn_costs [digits | mnist] --json FILE      # either set goes into the same file

One study of NPN alone for each cost, k_start and seed. The ranges of lambda charge a gate of the first hidden layer
alike, which per_example takes w_1 for, the weights that read it over the training examples.
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
EQUAL = [0.002, 0.06]
K_START = (7, 5000)


@dataclass(frozen=True)
class Task:
    """What is trained, on the digits preset's settings where nothing else is said.

    Attributes:
        per_example: the range of lambda with that cost.
        least: accuracy from which the box of the hypervolume begins; its other end is the dense network's neurons.
        level: accuracy at which the fewest neurons are told.
    """

    per_example: list[float]
    neurons: int
    least: float
    level: float
    settings: tuple[str, ...] = ()

    def box(self) -> analysis.Reference:
        return analysis.Reference(OBJECTIVES, ideal=(1, 1), worst=(self.least, self.neurons), log=("neurons",))


_MNIST = (
    "data={name: mnist, validation: 0.08333333333333333, mean: 0, std: 1, limit: 2000}",
    "model=lenet300",
    "epochs=20",
    "polish=5",
)
TASKS = {  # w_1 is 64/1077 on digits, 100/2000 on MNIST
    "digits": Task(per_example=[0.03, 1.0], neurons=192, least=0.8, level=0.95),
    "mnist": Task(per_example=[0.04, 1.2], neurons=400, least=0.8, level=0.9, settings=_MNIST),
}
COSTS = ("per_example", "equal")


@dataclass(frozen=True)
class Row:
    """The fronts of one setting by seed: hypervolumes, and the fewest neurons at the task's level of accuracy."""

    cost: str
    k_start: int
    hypervolumes: list[float]
    neurons: list[int | None]


def setting(task: Task, folder: Path, cost: str, k_start: int, seeds: range, trials: int) -> Row:
    space: dict[str, object] = {
        "lr": [0.02, 0.2],
        "lambda": task.per_example if cost == "per_example" else EQUAL,
        "cost": cost,
        "input_gates": "free",
        "gate_lr": [5e-3, 3e-2],
    }
    space |= {"stage_1": [0.02, 0.2], "stage_2": 0.75, "k_start": k_start}
    methods = json.dumps({"npn": {"space": space}})
    volumes, neurons = list[float](), list[int | None]()
    for seed in seeds:
        place = folder / f"{cost}-{k_start}-{seed}"
        settings = [*task.settings, f"seed={seed}", f"trials={trials}", "searches=1", f"methods={methods}"]
        if stopped := study.run("digits", place, overrides=settings, progress=False).stopped:
            raise SystemExit(stopped)
        found = analysis.load(place).trials
        smallest = analysis.fewest(found, "neurons", "accuracy", task.level)
        volumes.append(float(analysis.hypervolume(found, OBJECTIVES, reference=task.box())))
        neurons.append(None if smallest is None else int(smallest["neurons"]))
    return Row(cost, k_start, volumes, neurons)


def markdown(rows: list[Row]) -> Iterator[str]:
    yield "| cost | first stage | hypervolume, by seed | mean | neurons |"
    yield "|---|---|---|---:|---|"
    for row in rows:
        by_seed = ", ".join(f"{one:.3f}" for one in row.hypervolumes)
        sizes = ", ".join("–" if one is None else str(one) for one in row.neurons)
        yield f"| `{row.cost}` | k = {row.k_start} | {by_seed} | {statistics.mean(row.hypervolumes):.3f} | {sizes} |"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("task", nargs="?", choices=TASKS, default="digits")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--trials", type=int, default=64)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            setting(TASKS[arguments.task], Path(folder), cost, k_start, range(arguments.seeds), arguments.trials)
            for cost, k_start in product(COSTS, K_START)
        ]
    print("\n".join(markdown(rows)))
    known = json.loads(arguments.json.read_text())["tasks"] if arguments.json and arguments.json.exists() else {}
    found = {"trials": arguments.trials, "rows": list(map(asdict, rows))}
    record({"tasks": known | {arguments.task: found}}, arguments.json)


if __name__ == "__main__":
    main()
