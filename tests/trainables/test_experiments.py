"""The papers' own experiments: the presets as they are, every pack through `trainables.pack`.

Ranges are those of an independent NumPy version of each experiment, unless a comment says otherwise.
"""

from __future__ import annotations

import os
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from study.config import load
from study.launch import layer_counts
from study.results import StudyDirectory
from study.search import Search
from study.training import job_config
from trainables import cost
from trainables.pack import Pack
from trainables.trainable import job

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Experiment:
    """What came out: a row for each trial, and the weights as the paper counts them."""

    rows: list[dict[str, Any]]
    pack: Pack
    params: dict[str, Tensor]


def run(preset: str, directory: Path, *settings: str) -> Experiment:
    """Trains a preset, which fits one pack."""
    config = load(preset, settings)
    search = Search(config, StudyDirectory(directory), layer_counts(config))
    manifest = search.ask()
    assert manifest is not None
    assert not any(search.remaining().values()), "expected one pack for all seeds"
    pack = Pack(job(job_config(config.model_dump(mode="json"), manifest)))
    stack = pack.stack
    assert stack is not None and len(stack.trials) == config.budget(manifest["method"])
    while not pack.done:
        pack.train_epoch()
    rows = pack.trial_rows()
    assert [row["status"] for row in rows] == ["COMPLETE"] * len(rows), [row["reason"] for row in rows]
    return Experiment(rows, pack, stack.params)


def test_drop_neuron_finds_the_sparse_regression(tmp_path: Path) -> None:
    """Published: NMSE .00036, 3 of 105 weights, 4 of 26 units. Re-run: compression 35 in 11 of 20 seeds."""
    found = run("drop_neuron_regression", tmp_path)
    compression = cost.drop_neuron_compression(found.pack.problem.graph, found.params).tolist()
    units = cost.drop_neuron_units(found.pack.problem.graph, found.params).tolist()
    assert len(found.rows) == 20
    assert compression == pytest.approx([105 / row["nonzero_weights"] for row in found.rows])
    assert sum(rate == 35 for rate in compression) >= 8
    assert max(row["test_nmse"] for row in found.rows) < 1e-3
    for rate, count, row in zip(compression, units, found.rows, strict=True):
        if rate == 35:
            assert (count, row["inputs"], row["neurons"]) == (4, 2, 1)


GENERATED, ORIGINAL = "data={name: moons, resample: true}", "data=moons_original"
needs_data = pytest.mark.skipif(
    "STUDY_DATA" not in os.environ, reason="STUDY_DATA, the folder of data sets, is not set"
)
on_original = pytest.param(ORIGINAL, marks=[pytest.mark.data, needs_data], id="original")

SCATTER = 0.1
"""Between means of six seeds; a single seed is off by 15 %."""
WEIGHTS = {
    ("npn_moons_sparsify", 7): (2907, 3410),
    ("npn_moons_sparsify", 5000): (5538, 6461),
    ("npn_moons_expand", 7): (3306, 5183),
    ("npn_moons_expand", 5000): (3306, 5183),
}
ON_GENERATED = {("npn_moons_sparsify", 7): (1800, 3410)}
"""It is up to the points: eight sets gave means of 1959 to 3664, most below the authors' set; docs/methods.md."""


@pytest.mark.parametrize("data", [pytest.param(GENERATED, id="generated"), on_original])
@pytest.mark.parametrize("preset", ["npn_moons_sparsify", "npn_moons_expand"])
def test_npn_on_moons(preset: str, data: str, tmp_path: Path) -> None:
    """Both variants of the first stage, in one pack. Published: 3234 weights (sparsify), 3300 (expand)."""
    found = run(preset, tmp_path, data)
    weights = cost.npn_weights(found.pack.problem.graph, found.params).tolist()
    assert min(row[score] for row in found.rows for score in ("val_accuracy", "test_accuracy")) >= 0.99
    for k_start in (7, 5000):
        counts = [n for n, row in zip(weights, found.rows, strict=True) if row["param_k_start"] == k_start]
        assert len(counts) == len(weights) / 2
        key = (preset, k_start)
        low, high = (ON_GENERATED if data == GENERATED else WEIGHTS).get(key, WEIGHTS[key])
        assert low * (1 - SCATTER) <= statistics.mean(counts) <= high * (1 + SCATTER), counts
