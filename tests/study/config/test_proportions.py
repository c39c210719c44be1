"""Pruning baselines with the layer-wise proportions of a trial: they keep as many units of each layer as it did."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.config.load import ConfigError, StudyConfig, loads, to_yaml
from study.directory.study_directory import StudyDirectory
from study.running.training import job_of
from study.search.search import Search
from trainables.training.pack import Pack

TRIAL = "group_lasso-00003"
STUDY = """
name: baselines
data: {{name: digits, limit: 120}}
model: {{name: mlp, widths: [12, 8]}}
epochs: 2
trials: 2
sampler: random
methods:
  magnitude: {{like: {{study: {study}, trial: {trial}}}{more}}}
  random: {{like: {{study: {study}, trial: {trial}}}}}
"""

Loads = Callable[..., StudyConfig]


@pytest.fixture
def parse(tmp_path: Path) -> Loads:
    """The study above, beside one whose trial kept 7 units of 12 and 3 of 8."""
    directory = StudyDirectory(tmp_path / "first")
    directory.create("name: first")
    row = {"study": "first", "method": "group_lasso", "pack": "group_lasso-p0000", "number": 3, "lane": 0}
    row |= {"seed": 0, "data_seed": 0, "dense_widths": [12, 8]}
    failed = row | {"trial": "group_lasso-00004", "status": "FAILED"}
    rows = [row | {"trial": TRIAL, "status": "COMPLETE", "widths": [7, 3]}, failed]
    directory.write_results("group_lasso-p0000", "group_lasso", rows, [])

    def parse(study: str = "first", trial: str = TRIAL, more: str = "") -> StudyConfig:
        return loads(STUDY.format(study=tmp_path / study, trial=trial, more=more), names=False)

    return parse


def test_a_baseline_keeps_as_much_of_each_layer_as_the_trial(parse: Loads, tmp_path: Path) -> None:
    config = parse()
    directory = StudyDirectory(tmp_path / "second")
    directory.create(to_yaml(config))
    search = Search(config, directory, {"magnitude": 2, "random": 2})
    for manifest in iter(search.ask, None):
        pack = Pack(job_of(config, manifest))
        while not pack.done:
            pack.train_epoch()
        assert [row["widths"] for row in pack.trial_rows()] == [[7, 3]] * 2, manifest["method"]


def test_the_study_keeps_the_numbers_and_not_the_place(parse: Loads) -> None:
    config = parse()
    expected = {"scope": "layerwise", "sparsity_1": pytest.approx(5 / 12), "sparsity_2": pytest.approx(5 / 8)}
    assert [method.space for method in config.methods.values()] == [expected] * 2
    assert "like" not in to_yaml(config) and loads(to_yaml(config), names=False) == config


def test_the_space_beside_it_changes_a_layer(parse: Loads) -> None:
    space = parse(more=", space: {sparsity_2: 0.0, lr: 0.01}").methods["magnitude"].space
    assert (space["sparsity_1"], space["sparsity_2"], space["lr"]) == (pytest.approx(5 / 12), 0.0, 0.01)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"study": "third"}, r"methods\.magnitude\.like\.study: expected a study directory, but got '.*third'"),
        (
            {"trial": "group_lasso-00002"},
            rf"like\.trial: expected a complete trial of .*first, .* did you mean '{TRIAL}'",
        ),
        ({"trial": "group_lasso-00004"}, r"like\.trial: expected a complete trial"),
        ({"more": ", space: {scope: global}"}, r"methods\.magnitude\.space\.sparsity_1: .*scope = layerwise"),
        (
            {"more": "}\n  dense: {like: {study: first, trial: a}"},
            r"methods\.dense\.like: expected a method that removes given shares \(magnitude, random\), but got 'dense'",
        ),
    ],
)
def test_what_cannot_be_taken_over_is_said(parse: Loads, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(**changes)
