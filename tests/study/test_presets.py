"""Every preset of a paper's experiment: its rows are valid, and each trains as `study reproduce --quick` would."""

from __future__ import annotations

from pathlib import Path

import pytest

from study.api.experiment import planned
from study.config import ReproductionSettings
from study.config.load import load, presets
from study.directory.study_directory import StudyDirectory
from tests.study.train import trained
from trainables.data import DATA, write_stand_in
from trainables.models import MODELS

EXPERIMENTS = {name: config for name in presets() if (config := load(name, names=False)).reproduction is not None}
ROWS = [
    (name, entry)
    for name, config in EXPERIMENTS.items()
    for entry in config.published
    if entry.method in config.methods
]


def rules(name: str) -> ReproductionSettings:
    found = EXPERIMENTS[name].reproduction
    assert found is not None
    return found


def test_the_papers_experiments_are_there() -> None:
    assert set(EXPERIMENTS) == {
        "cges_mnist",
        "dropneuron_autoencoder",
        "dropneuron_lenet300",
        "dropneuron_lenet5",
        "dropneuron_regression",
        "gs_bnet_imagenet",
        "gs_cifar10",
        "gs_dec8_imagenet",
        "npn_lenet5_expand",
        "npn_lenet5_sparsify",
        "npn_moons_expand",
        "npn_moons_sparsify",
        "npn_resnet56_cifar10",
        "npn_resnet56_cifar100",
        "sgl_dec3_icdar",
    }


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_setting_is_pinned(name: str) -> None:
    """A default that changes changes no published experiment."""
    from search_spaces import parameters
    from search_spaces.space.parameter import Pinned

    config = EXPERIMENTS[name]
    assert config.name == name and rules(name).differs and config.seed == 0
    for method, options in config.methods.items():
        for parameter in parameters(method, options.space, 17):
            assert isinstance(parameter.domain, Pinned), f"{name}: {method}: {parameter.name} is searched"


ROWS = [*((name, 0) for name in EXPERIMENTS), ("npn_resnet56_cifar10", 1), ("gs_cifar10", 2)]


@pytest.mark.parametrize(("name", "index"), ROWS)
def test_a_row_trains_quickly(name: str, index: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On generated data: files in the format of the real ones where those are images."""
    monkeypatch.delenv("STUDY_DATA", raising=False)
    entry, changes = EXPERIMENTS[name].published[index], list(rules(name).quick)
    if DATA[EXPERIMENTS[name].data.name].path is not None and not rules(name).stand_in:
        channels, size, _ = MODELS[EXPERIMENTS[name].model.name].input_shape
        write_stand_in(tmp_path / "images", channels, size)
        changes = [change for change in changes if not change.startswith("data.limit")]
        changes += [f"data.name={tmp_path / 'images'}", f"data.size={size}", "data.validation=0.2"]
    plan = planned(name, entry, rules(name), 1, tuple(changes), tmp_path)
    directory = StudyDirectory(tmp_path / "study")
    trained(plan.config, directory)
    (row,) = directory.trials().to_pylist()
    assert row["status"] == "COMPLETE", row["reason"]
    published = {column for column in entry.numbers() if not column.endswith("_removed")}
    assert published <= {column for column, value in row.items() if value is not None}
