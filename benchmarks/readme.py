"""The README's figures of speed, from the records of the benchmarks.

    python -m benchmarks.readme

Writes what is between the README's comments ``<!-- speed: ... -->``; a test compares the two.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.readme_part import ROOT, write

RESULTS = ROOT / "benchmarks" / "results"

SIDES = {
    "study": "**study**",
    "class_trainable": "Ray Tune class trainable, `reuse_actors=True`, Optuna",
    "class_trainable_at_its_best": "the same at its best: nothing reported before a trial's end, optimiser fused",
    "optuna_processes": "Optuna alone, two worker processes",
    "function_trainable": "Ray Tune function trainables, written the usual way",
    "syne_tune": "Syne Tune, local back end",
}
LANES = "16"


def block(results: Path = RESULTS) -> str:
    """The part of the README between its comments."""
    throughput, large, start, steps = (
        json.loads((results / f"{name}.json").read_text())
        for name in ("study_throughput", "study_throughput_1600", "startup", "step_speed")
    )
    return "\n".join(
        [
            *_throughput(throughput),
            "",
            "`python -m benchmarks.study_throughput`, medians of "
            f"{len(throughput['seconds_per_trial']['study'])} repeats, recorded in `benchmarks/results/`.",
            *_large(large),
            *_start(start),
            *_steps(steps),
        ]
    )


def _throughput(record: dict[str, Any]) -> list[str]:
    seconds, ratios = record["median_seconds_per_trial"], record["ratios"]
    cores = record["machine"]["cores"]
    head = f"| group lasso on digits, {record['trials']['study']} trials, {cores} cores, start-up included "
    rows = [
        f"| {label} | {seconds[side]:.2f} | {f'{ratios[side]:.1f}x' if side in ratios else ''} |".replace("|  |", "| |")
        for side, label in SIDES.items()
        if side in seconds
    ]
    return [f"{head}| seconds a trial | study is faster by |", "|---|---:|---:|", *rows]


def _large(record: dict[str, Any]) -> list[str]:
    trials, ratios = record["trials"]["study"], record["ratios"]
    against = (
        f"{ratios['class_trainable']:.1f}x Tune's class trainables and {ratios['optuna_processes']:.1f}x Optuna alone"
    )
    return [f"A study of {trials:,} trials is at {against} (`--trials {trials}`)."]


def _start(record: dict[str, Any]) -> list[str]:
    seconds = [size["first_step_seconds"] for size in record["study"].values()]
    return [f"From the shell to the first training step it is {max(seconds):.1f} s (`benchmarks/startup.py`)."]


def _steps(record: dict[str, Any]) -> list[str]:
    ratios = [by_size[LANES] for by_size in record["speed_up_by_stacking"]["mlp"].values()]
    said = (
        f"A step of {LANES} stacked trials costs each of them {min(ratios):.1f} to {max(ratios):.1f} times less than a "
        "step alone, by method"
    )
    if "share_of_products" in record:
        shares = [by_size[LANES] for by_size in record["share_of_products"]["mlp"].values()]
        said += (
            f";\n{100 * min(shares):.0f} to {100 * max(shares):.0f} % of it are what its matrix products take at the "
            "machine's peak rate"
        )
    return [f"{said} (`benchmarks/step_speed.py`)."]


def main() -> None:
    write("speed", "benchmarks.readme", block())


if __name__ == "__main__":
    main()
