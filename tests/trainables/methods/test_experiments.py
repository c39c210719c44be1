"""The papers' own experiments: the presets as they are, every pack through `trainables.training.Pack`.

Ranges are those of an independent NumPy version of each experiment, unless a comment says otherwise.
"""

from __future__ import annotations

import json
import os
import statistics
from pathlib import Path
from typing import Any

import pytest

from study.config.load import load
from study.directory.study_directory import StudyDirectory
from tests.study.train import trained

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(preset: str, directory: Path, *settings: str) -> list[dict[str, Any]]:
    """The rows of a preset, which fits one pack."""
    (pack,) = trained(load(preset, settings), StudyDirectory(directory / "study"))
    rows = pack.trial_rows()
    assert [row["status"] for row in rows] == ["COMPLETE"] * len(rows), [row["reason"] for row in rows]
    return rows


def test_drop_neuron_finds_the_sparse_regression(tmp_path: Path) -> None:
    """Published: NMSE .00036, 3 of 105 weights, 4 of 26 units. Measured: compression 35 in 12 of 20 seeds; one draws
    weights so small that the penalty removes everything."""
    rows = run("dropneuron_regression", tmp_path)
    assert len(rows) == 20
    rates = [row["count_drop_neuron_compression"] for row in rows]
    for rate, row in zip(rates, rows, strict=True):
        assert rate == (pytest.approx(105 / row["nonzero_weights"]) if row["nonzero_weights"] else None)
    assert sum(rate == 35 for rate in rates) >= 8
    assert sum(row["test_nmse"] < 1e-3 for row in rows) >= 18
    for rate, row in zip(rates, rows, strict=True):
        if rate == 35:
            assert (row["count_drop_neuron_units"], row["inputs"], row["neurons"]) == (4, 2, 1)


needs_data = pytest.mark.skipif(
    "STUDY_DATA" not in os.environ, reason="STUDY_DATA, the folder of data sets, is not set"
)


@pytest.mark.data
@needs_data
def test_drop_neuron_on_mnist_begins_well(tmp_path: Path) -> None:
    """Three of the published 100 and 50 epochs: measured were 94.98 % and .092 by then, with rates of 2.36 and 1.31."""
    (classifier,) = run("dropneuron_lenet300", tmp_path / "lenet300", "epochs=3", "evaluate_every=3")
    assert classifier["test_accuracy"] > 0.93
    assert classifier["count_drop_neuron_compression"] > 1.8
    assert classifier["count_drop_neuron_units"] < 1100
    (autoencoder,) = run("dropneuron_autoencoder", tmp_path / "autoencoder", "epochs=3", "evaluate_every=3")
    assert autoencoder["test_mse"] < 0.1
    assert autoencoder["count_drop_neuron_compression"] > 1.2


RECORDS = Path(__file__).parents[3] / "benchmarks" / "results" / "reproduced"
VARIANTS = ("trials=2", "sampler=qmc", "methods.npn.space.k_start={choices: [7, 5000]}", "pack.size=20")
"""Both variants of the first stage in one pack: qmc takes each of them once in two trials."""
POINTS = [
    pytest.param(data, marks=[pytest.mark.data, needs_data] if data == "moons_original" else [])
    for data in ("moons", "moons_original")
]


@pytest.mark.parametrize("data", POINTS)
@pytest.mark.parametrize("preset", ["npn_moons_sparsify", "npn_moons_expand"])
def test_npn_on_moons(preset: str, data: str, tmp_path: Path) -> None:
    """Seeds 0 to 9 of each variant, as recorded: means within three standard errors, whatever the rounding.

    Published: 3234 weights (sparsify), 3300 (expand); docs/results.md holds the scatter against them.
    """
    own = ("data=moons_original",) if data == "moons_original" else ()
    rows = run(preset, tmp_path, *VARIANTS, *own)
    for k_start in (7, 5000):
        mine = [row for row in rows if row["param_k_start"] == k_start]
        known = recorded(preset, {*own, *(["methods.npn.space.k_start=7"] if k_start == 7 else [])})
        weights = known["count_npn_weights"]["values"]
        assert len(mine) == len(weights) == 10
        error = statistics.stdev(weights) / len(weights) ** 0.5
        assert abs(statistics.mean(row["count_npn_weights"] for row in mine) - statistics.mean(weights)) <= 3 * error
        failed = sum(row["test_accuracy"] < 0.99 for row in mine)
        assert failed <= 1 + sum(accuracy < 0.99 for accuracy in known["test_accuracy"]["values"])


def recorded(preset: str, settings: set[str]) -> dict[str, Any]:
    """The numbers of a preset's row, as `study reproduce` has measured them."""
    rows = json.loads((RECORDS / f"{preset}.json").read_text())["rows"]
    (numbers,) = (row["numbers"] for row in rows if set(row["settings"]) == settings)
    return dict(numbers)
