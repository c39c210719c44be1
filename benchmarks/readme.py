"""The README's figures of speed, from the records of the benchmarks.

    python -m benchmarks.readme

Writes what is between the README's comments ``<!-- speed: ... -->``; a test compares the two.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
BEGIN, END = "<!-- speed: benchmarks.readme -->", "<!-- /speed -->"

SIDES = {
    "study": "**study**",
    "class_trainable": "Ray Tune class trainable, `reuse_actors=True`, Optuna",
    "class_trainable_at_its_best": "the same at its best: nothing reported before a trial's end, optimiser fused",
    "optuna_processes": "Optuna alone, two worker processes",
    "function_trainable": "Ray Tune function trainables, written the usual way",
}
LANES = "16"


def block(results: Path = RESULTS) -> str:
    """The part of the README between its comments."""
    throughput, steps = (
        json.loads((results / f"{name}.json").read_text()) for name in ("study_throughput", "step_speed")
    )
    return "\n".join(
        [
            *_throughput(throughput),
            "",
            "`python -m benchmarks.study_throughput`, medians of "
            f"{len(throughput['seconds_per_trial']['study'])} repeats, recorded in `benchmarks/results/`.",
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
    ]
    return [f"{head}| seconds a trial | study is faster by |", "|---|---:|---:|", *rows]


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


def written(readme: str, part: str) -> str:
    """The README with its part replaced. Raises ValueError where it has no comments around one."""
    before, found, rest = readme.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"expected {BEGIN} and {END} in the README")
    return f"{before}{BEGIN}\n{part}\n{END}{after}"


def main() -> None:
    readme = ROOT / "README.md"
    readme.write_text(written(readme.read_text(encoding="utf-8"), block()), encoding="utf-8")


if __name__ == "__main__":
    main()
