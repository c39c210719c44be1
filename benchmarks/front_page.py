"""The README's figure and table of the digits study, and what they cannot tell apart.

    study run digits
    python -m benchmarks.front_page runs/digits

The first trains, the second writes docs/digits.png and the part of the README between its two comments.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import analysis
from analysis import Study
from analysis.palette import title
from analysis.statistics import BASELINE, difference, per_run
from benchmarks.readme_part import ROOT, write

OBJECTIVES = ("accuracy", "neurons")


def block(study: Study, command: str) -> str:
    """The part of the README, between its comments."""
    figure = "Validation accuracy against hidden neurons for five methods and three baselines on digits"
    made = f"Made by `{command}`, which draws it into its `report/`; `python -m benchmarks.front_page` writes this:"
    table = analysis.intervals(study.trials, OBJECTIVES).markdown().strip()
    return "\n\n".join((f"![{figure}](docs/digits.png)", made, table, apart(volumes(study.trials))))


def volumes(trials: pd.DataFrame, objectives: Sequence[str] = OBJECTIVES) -> dict[str, list[float]]:
    """The hypervolumes of each method's searches, by its title; the dense network has no front to compare."""
    box = analysis.reference_of(trials, objectives)
    rivals = trials[trials["method"] != BASELINE]
    return {
        title(str(method)): per_run(own, lambda run: analysis.hypervolume(run, objectives, reference=box)).tolist()
        for method, own in rivals.groupby("method", observed=True)
    }


def apart(values: Mapping[str, Sequence[float]]) -> str:
    """Which methods the searches cannot tell from the one with the largest mean hypervolume: a sentence.

    By Welch's t interval (95 %) of the difference of the means over searches.
    """
    if min(map(len, values.values())) < 2:
        return "One search of each method: searches scatter, and nothing here ranks the methods."
    first, *others = sorted(values, key=lambda name: -sum(values[name]) / len(values[name]))
    same, behind = list[str](), list[str]()
    for name in others:
        _, low, high = difference(np.asarray(values[first]), np.asarray(values[name]))
        (same if low <= 0 <= high else behind).append(name)
    said = f"By hypervolume {first} has the largest mean; "
    said += f"{', '.join(same)} cannot be told apart from it" if same else "every other method is behind it"
    if same and behind:
        said += f"; {', '.join(behind)} {'is' if len(behind) == 1 else 'are'} behind"
    return f"{said} (95 % t intervals of the differences, not corrected for their number)."


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, help="the directory of a digits study")
    parser.add_argument("--command", default="study run digits", help="what made it, as the README is to say")
    given = parser.parse_args(arguments)
    write("digits", "benchmarks.front_page", block(analysis.load(given.study), given.command))
    shutil.copy(given.study / "report" / "accuracy-neurons.png", ROOT / "docs" / "digits.png")


if __name__ == "__main__":
    main()
