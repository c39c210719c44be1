"""Analysis of a million trials: load, 4-objective front, hypervolume, in time and memory; its page; and against Optuna.

    python -m benchmarks.analysis_scale --json FILE

A study directory of `--trials` rows is written in parts of `--pack` rows, then read, its front and
hypervolume found, in a fresh process held to 2 cores, whose peak memory is that of the whole process, imports
included, before the page is made. The front of 5000 trials is timed against optuna's Study.best_trials on the same
values, in memory. And `--parts` small parts are read with and without their checksums over the whole file, which
`--only-checksums` measures alone, adding it to what FILE has.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import optuna
import pandas as pd
import pyarrow as pa

import analysis
from benchmarks.machine import machine
from study.directory import OBJECTIVES, TRIALS, StudyDirectory, checksum, encode_table

FRONT = ("accuracy", "neurons", "parameters", "macs")
METHODS = ("group_lasso", "sparse_group_lasso", "exclusive_group", "drop_neuron", "npn")
REQUIRED = {"seconds": 5.0, "peak_gigabytes": 2.0, "page_megabytes": 5.0, "times_optuna": 100.0}
SEEDS = 3
_STARTED = datetime(2026, 1, 1, tzinfo=UTC)


def write_study(location: Path, trials: int, pack: int) -> None:
    """A directory as `study run` leaves it, its parts made from columns instead of row by row."""
    StudyDirectory(location).create("name: million\nobjectives: [accuracy, neurons, parameters, macs]\n")
    for index, rows in enumerate(np.array_split(np.arange(trials), -(-trials // pack))):
        method = METHODS[index % len(METHODS)]
        name = f"{method}-p{index:06d}"
        part = location / "results" / "trials" / f"method={method}" / f"{name}.parquet"
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(encode_table(_rows(method, name, rows), "trials"))


def _rows(method: str, pack: str, numbers: np.ndarray[Any, np.dtype[np.int64]]) -> pa.Table:
    random = np.random.default_rng(int(numbers[0]))
    size = len(numbers)
    # Independent objectives: the front of m of them has about (ln n)^(m-1) / (m-1)! members.
    values: dict[str, Any] = {
        field.name: np.round(random.random(size), 6) if field.type == pa.float64() else random.integers(1, 10**6, size)
        for field in TRIALS
        if field.type in (pa.float64(), pa.int32(), pa.int64())
    }
    values |= {name: np.full(size, 10**6) for name in values if name.startswith("dense_")}
    values |= {
        "study": ["million"] * size,
        "method": [method] * size,
        "trial": [f"{method}-{number:07d}" for number in numbers],
        "pack": [pack] * size,
        "number": numbers,
        "data_seed": numbers % SEEDS,
        "status": random.choice(["COMPLETE", "FAILED"], size, p=[0.98, 0.02]),
        "reason": [None] * size,
        "widths": list(random.integers(0, 128, (size, 2))),
        "dense_widths": [[128, 64]] * size,
        "device": ["cpu"] * size,
        "task": ["classification"] * size,
        "val_answers": [None] * size,
        "test_answers": [None] * size,
        "finished_at": [_STARTED] * size,
    }
    parameters = [pa.field(f"param_{name}", pa.float64()) for name in ("lambda", "lr", "beta")]
    values |= {field.name: random.random(size) for field in parameters}
    schema = pa.schema([*TRIALS, *parameters], TRIALS.metadata)
    return pa.table([pa.array(values[field.name], field.type) for field in schema], schema)


def measure(location: str) -> dict[str, float]:
    """Seconds of each step and the peak memory of this process; then the seconds and the size of the page."""
    started, clock = time.process_time(), _clock()
    next(clock)
    study = analysis.load(location)
    trials = study.trials
    load = next(clock)
    front = analysis.pareto(trials, FRONT)
    pareto = next(clock)
    share = analysis.hypervolume(trials, FRONT)
    volume = next(clock)
    measured = {
        "load_seconds": load,
        "front_seconds": pareto,
        "hypervolume_seconds": volume,
        "seconds": load + pareto + volume,
        "cpu_seconds": time.process_time() - started,
        "peak_gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "trials": len(trials),
        "front_size": len(front),
        "hypervolume": share,
    }
    next(clock)
    size = len(analysis.page(study).encode())
    return measured | {"page_seconds": next(clock), "page_megabytes": size / 1e6}


def _clock() -> Iterator[float]:
    last = time.perf_counter()
    while True:
        now = time.perf_counter()
        yield now - last
        last = now


def checksums(parts: int, rows: int, repeats: int) -> dict[str, float]:
    """Seconds of reading all trials of a study of many parts, with their checksums and as if there were none."""
    with tempfile.TemporaryDirectory() as folder:
        write_study(Path(folder), parts * rows, rows)
        study = StudyDirectory(folder)

        def unchecked() -> None:
            with mock.patch.object(checksum, "table_intact", lambda data: True):
                study.trials()

        unchecked()  # both find the files in memory
        checked_seconds, unchecked_seconds = _best([study.trials, unchecked], repeats, times=1)
        size = sum(file.stat().st_size for file in Path(folder).rglob("*.parquet"))
    return {
        "parts": parts,
        "rows": rows,
        "part_bytes": size / parts,
        "seconds": checked_seconds,
        "seconds_without": unchecked_seconds,
        "ratio": checked_seconds / unchecked_seconds,
    }


def against_optuna(trials: int, repeats: int, objectives: Sequence[str]) -> dict[str, float]:
    """Seconds of Optuna's best_trials and of analysis.pareto for the same values, and their ratio."""
    random = np.random.default_rng(0)
    columns = {OBJECTIVES[name].column: random.random(trials) for name in objectives}
    frame = pd.DataFrame({"status": pd.Categorical(["COMPLETE"] * trials), **columns})
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=[OBJECTIVES[name].direction for name in objectives])
    scale: optuna.distributions.BaseDistribution = optuna.distributions.FloatDistribution(0.0, 1.0)
    for row in zip(*columns.values(), strict=True):
        parameters = {name: random.random() for name in ("lambda", "lr", "beta")}
        distributions = dict.fromkeys(parameters, scale)
        values = [float(value) for value in row]
        study.add_trial(optuna.create_trial(values=values, params=parameters, distributions=distributions))
    if len(study.best_trials) != len(analysis.pareto(frame, objectives)):
        raise RuntimeError("Optuna and analysis.pareto found different fronts")
    sides = [lambda: analysis.pareto(frame, objectives), lambda: study.best_trials]
    ours, theirs = _best(sides, repeats)
    return {"optuna_seconds": theirs, "pareto_seconds": ours, "times_optuna": theirs / ours}


def _best(sides: list[Callable[[], object]], repeats: int, times: int = 3) -> list[float]:
    """The shortest time of each side: so many calls in a row, in turns, so that a busy moment meets both."""
    took = np.empty((repeats, len(sides), times))
    for turn, side, again in np.ndindex(took.shape):
        start = time.perf_counter()
        sides[side]()
        took[turn, side, again] = time.perf_counter() - start
    return [float(value) for value in took.min(axis=(0, 2))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the result to this file")
    parser.add_argument("--trials", type=int, default=1_000_000)
    parser.add_argument("--pack", type=int, default=1024, help="rows in one Parquet part")
    parser.add_argument("--optuna-trials", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--parts", type=int, default=10_000, help="of the study that checksums are measured on")
    parser.add_argument("--part-rows", type=int, default=16, help="rows in each of them")
    parser.add_argument("--only-checksums", action="store_true", help="measure nothing else")
    parser.add_argument("--measure", metavar="DIR", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        sys.stdout.write(json.dumps(measure(options.measure)))
        return
    sealed = {"checksums": checksums(options.parts, options.part_rows, repeats=2)}
    if options.only_checksums:
        known = json.loads(options.json.read_text()) if options.json and options.json.exists() else {}
        _tell({**known, **sealed}, options.json)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_study(Path(folder), options.trials, options.pack)
        cores = sorted(os.sched_getaffinity(0))[:2]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.analysis_scale", "--measure", folder],
            capture_output=True,
            text=True,
            check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
    result = {
        "pack": options.pack,
        **json.loads(done.stdout),
        **{
            f"{len(objectives)}_objectives": against_optuna(options.optuna_trials, options.repeats, objectives)
            for objectives in (FRONT[:2], FRONT)
        },
        "required": REQUIRED,
        "machine": machine(),
        **sealed,
    }
    _tell(result, options.json)


def _tell(result: dict[str, Any], file: Path | None) -> None:
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    if file:
        file.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
