"""How soon commands answer: seconds of the clock and of the processor, from the start of the process to its end.

    python -m benchmarks.startup [--study DIR] --json FILE

Of studies of 16, 160 and 1,600 trials: seconds from the shell to the first training step, to the first trial's row and
to the command's end, with packs that train for one epoch, so that nearly all of the first two is start: commands, data,
Ray, workers, their imports.

Medians of five after one for the caches; without --study a small study is trained first. The dry run's seconds of
the clock are without its training steps, which take as long as the networks do; those of the processor are with them.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.record import parser, record
from study.directory import StudyDirectory

STUDY = (sys.executable, "-m", "study")
SIZES, METHODS = (16, 160, 1600), 8
"""Trials of the studies that are started, those of all methods of the digits preset together."""
DRY_RUN = "study run digits --dry-run, but for its training step"


class Cost(NamedTuple):
    wall: float
    cpu: float
    output: str


def commands(study: str) -> dict[str, tuple[list[str], float]]:
    """What is measured, and the seconds that it may take on a machine with nothing else to do."""
    listed = {f"study list {kind}": ([*STUDY, "list", kind], 1.0) for kind in ("methods", "models", "data", "presets")}
    seen = {f"study {name}": ([*STUDY, name, study], 2.0) for name in ("pareto", "table", "doctor")}
    return {
        "study --help": ([*STUDY, "--help"], 0.5),
        "import study": ([sys.executable, "-c", "import study"], 0.5),
        "import analysis": ([sys.executable, "-c", "import analysis"], 0.7),
        **listed,
        "study status": ([*STUDY, "status", study], 1.0),
        **seen,
        DRY_RUN: ([*STUDY, "run", "digits", "--dry-run", "--json"], 4.0),
    }


def once(command: Sequence[str]) -> Cost:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, run.stdout)


def measured(command: Sequence[str], repeats: int, aside: Callable[[str], float]) -> dict[str, float]:
    """Medians, without the seconds that the command itself says it spent on something else."""
    once(command)
    costs = [once(command) for _ in range(repeats)]
    wall = statistics.median(cost.wall - aside(cost.output) for cost in costs)
    return {"seconds": wall, "cpu_seconds": statistics.median(cost.cpu for cost in costs)}


def rehearsed(output: str) -> float:
    """Seconds of the training steps in a dry run."""
    return float(json.loads(output)["step_seconds"])


def small_study(folder: str) -> str:
    place = f"{folder}/digits"
    settings = [f"--set={setting}" for setting in ("trials=8", "epochs=4", "polish=1")]
    with tempfile.TemporaryDirectory() as home:
        env = os.environ | {"RAY_TMPDIR": home}
        run = [*STUDY, "run", "digits", "--output", place, *settings]
        subprocess.run(run, check=True, env=env, stdout=subprocess.DEVNULL)
    return place


def start(trials: int) -> dict[str, float]:
    """Seconds from the shell to the first step, to the first result, and to the end."""
    short = ("epochs=1", "polish=0", "searches=1", f"trials={trials // METHODS}", "require={}")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "digits"
        at, started, first = time.time(), time.perf_counter(), 0.0
        command = [*STUDY, "run", "digits", "--output", str(place), *(f"--set={setting}" for setting in short)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            while run.poll() is None:
                if not first and any(place.glob("results/trials/*/*")):
                    first = time.perf_counter() - started
                time.sleep(0.02)
        seconds = time.perf_counter() - started
        assert run.returncode == 0 and first
        rows = StudyDirectory(place).trials().select(["finished_at", "train_seconds"]).to_pylist()
        step = min(row["finished_at"].timestamp() - row["train_seconds"] for row in rows) - at
        return {"first_step_seconds": step, "first_result_seconds": first, "seconds": seconds}


def median(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def main() -> None:
    options = parser(__doc__, repeats=5)
    options.add_argument("--study", help="a study directory to look at")
    options.add_argument("--only-studies", action="store_true", help="leave the other commands out")
    options.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="trials of the studies")
    arguments = options.parse_args()
    studies = {
        str(trials): median([start(trials) for _ in range(arguments.repeats + 1)][1:]) for trials in arguments.sizes
    }
    if arguments.only_studies:
        print(json.dumps(studies, indent=2))
        return
    with tempfile.TemporaryDirectory() as scratch:
        study = arguments.study or small_study(scratch)
        costs = {}
        for name, (command, most) in commands(study).items():
            aside = rehearsed if name == DRY_RUN else lambda output: 0.0
            costs[name] = {**measured(command, arguments.repeats, aside), "required_seconds": most}
    result = {"repeats": arguments.repeats, "study": studies, "commands": costs}
    print(json.dumps(result, indent=2))
    record(result, arguments.json)


if __name__ == "__main__":
    main()
