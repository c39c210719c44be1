"""Epochs until a trustworthy front: ways to search compared on digits, with the same trainer on all sides.

    python -m benchmarks.search_quality --json FILE [--repeats 10] [--trials 64] [--sides NAME ...] [--methods NAME ...]
    python -m benchmarks.search_quality --json FILE --table DIR     # on a finished study's table: nothing trains

The reference of a method is the hypervolume of all that was trained for it in this run, or is in the table: neurons by
their logarithm, accuracy from what the study requires. Of each search: the epochs until its own trials reach 95 % of
that, those of trials that were stopped counted. Trials are taken in the order of their numbers, packs whole.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

import analysis
import study
from benchmarks.machine import machine

OBJECTIVES = ("accuracy", "neurons")
BOX = analysis.Reference(OBJECTIVES, ideal=(1.0, 1.0), worst=(0.8, 192.0), log=("neurons",))
METHODS = ("group_lasso", "sparse_group_lasso", "exclusive_group", "drop_neuron", "npn")
NEARLY = 0.95
ALONE = ("pack.size=1", "resources.workers=1")
SIDES: Mapping[str, tuple[str, ...]] = {
    "random, one at a time": ("sampler=random", *ALONE),
    "tpe, one at a time": ("sampler=tpe", *ALONE),
    "nsga2, one at a time": ("sampler=nsga2", *ALONE),
    "random, packs": ("sampler=random",),
    "study, packs": (),
    "study, packs and stopping": ("stopping=auto",),
}
RUNGS = (10, 30)
"""Of `stopping: auto` with the preset's 60 epochs."""


@dataclass(frozen=True)
class Row:
    """The searches of one method by one side; None where 95 % were not reached."""

    side: str
    method: str
    epochs: list[int | None]
    epochs_in_all: list[int]
    hypervolume: list[float]

    def median(self) -> float:
        return median(math.inf if epochs is None else epochs for epochs in self.epochs)


def trained(sides: Sequence[str], methods: Sequence[str], repeats: int, trials: int) -> Iterator[Row]:
    """Real runs of the digits preset, each in a directory of its own."""
    budget = ["searches=1", f"trials={trials}", "keep_models=none"]
    with tempfile.TemporaryDirectory() as folder:
        found: dict[tuple[str, int], pd.DataFrame] = {}
        for repeat in range(repeats):
            for number, side in enumerate(sides):
                config = study.load_config("digits", [*budget, f"seed={repeat}", *SIDES[side]])
                own = {name: config.methods[name] for name in methods}
                place = Path(folder) / f"{number}-{repeat}"
                study.run(config.model_copy(update={"methods": own}), place, progress=False)
                found[side, repeat] = analysis.load(place).trials
        for method in methods:
            parts = {key: frame[frame["method"] == method].sort_values("number") for key, frame in found.items()}
            whole = max(volume(pd.concat(list(parts.values()))), 1e-12)
            for side in sides:
                own_parts = [parts[side, repeat] for repeat in range(repeats)]
                totals = [int(part["epochs"].sum()) for part in own_parts]
                shares = [volume(part) / whole for part in own_parts]
                yield Row(side, method, [until(part, NEARLY * whole) for part in own_parts], totals, shares)


def until(trials: pd.DataFrame, wanted: float) -> int | None:
    """Epochs of the packs after which the trials reach this hypervolume."""
    spent = 0
    for _, pack in trials.groupby("pack", sort=True, observed=True):
        spent += int(pack["epochs"].sum())
        if volume(trials[trials["number"] <= pack["number"].max()]) >= wanted:
            return spent
    return None


def volume(trials: pd.DataFrame) -> float:
    return float(analysis.hypervolume(trials[trials["status"] == "COMPLETE"], OBJECTIVES, reference=BOX))


def replayed(table: str, sides: Sequence[str], methods: Sequence[str], repeats: int, trials: int) -> Iterator[Row]:
    """The same sides on a finished study's table, each configuration answered by the nearest that was trained."""
    from study.config import stored
    from study.directory import StudyDirectory
    from study.rehearsal import scales
    from study.search import Simulation

    place = StudyDirectory(table)
    rows, curves = place.trials().to_pylist(), place.curves().to_pylist()
    ranges = scales(stored(place))
    for side in sides:
        stops = "stopping=auto" in SIDES[side]
        overrides = [setting for setting in SIDES[side] if not setting.startswith("stopping")]
        config = stored(place, [*overrides, f"trials={trials}", "searches=1"])
        wanted = {
            name: one.model_copy(update={"trials": None}) for name, one in config.methods.items() if name in methods
        }
        config = config.model_copy(update={"methods": wanted})
        simulation = Simulation(config, rows, curves, ranges, rungs=RUNGS if stops else ())
        found = [run for repeat in range(repeats) for run in simulation.searched(repeat)]
        for method in wanted:
            own = [run for run in found if run.method == method]
            epochs = [run.epochs_to_nearly for run in own]
            yield Row(side, method, epochs, [run.epochs for run in own], [run.hypervolume for run in own])


def markdown(rows: Sequence[Row]) -> Iterator[str]:
    methods = list(dict.fromkeys(row.method for row in rows))
    yield f"| median epochs until 95 % | {' | '.join(methods)} |"
    yield f"|---|{'---:|' * len(methods)}"
    for side in dict.fromkeys(row.side for row in rows):
        own = {row.method: row for row in rows if row.side == side}
        yield f"| {side} | {' | '.join(_cell(own[method]) for method in methods)} |"


def _cell(row: Row) -> str:
    reached = sum(epochs is not None for epochs in row.epochs)
    typical = row.median()
    return f"{'not' if math.isinf(typical) else f'{typical:.0f}'} ({reached}/{len(row.epochs)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--table", help="a finished study's directory")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    given = parser.parse_args()
    how: dict[str, Any] = {
        "repeats": given.repeats,
        "trials": given.trials,
        "sides": given.sides,
        "methods": given.methods,
    }
    rows = list(replayed(given.table, **_ordered(how)) if given.table else trained(**_ordered(how)))
    print("\n".join(markdown(rows)))
    record = {"machine": machine(), "replayed": bool(given.table), **how, "rows": [asdict(row) for row in rows]}
    given.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _ordered(how: Mapping[str, Any]) -> dict[str, Any]:
    return {name: how[name] for name in ("sides", "methods", "repeats", "trials")}


if __name__ == "__main__":
    main()
