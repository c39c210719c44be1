"""What of a study's configuration may change after it has begun."""

from __future__ import annotations

import pytest

from study.config.changes import CannotChange, changes, check_changes
from study.config.load import StudyConfig, loads

YAML = """
name: little
data: digits
model: {name: mlp, widths: [8]}
epochs: 4
polish: 1
trials: 4
methods:
  dense: {trials: 2}
  group_lasso: {space: {lambda: [1e-4, 1e-1]}}
"""


def config(*overrides: str) -> StudyConfig:
    return loads(YAML, overrides=overrides, names=False)


@pytest.mark.parametrize(
    "setting",
    [
        "notes=a second thought",
        "trials=8",
        "methods.dense.trials=3",
        "resources.workers=3",
        "resources.address=auto",
        "pack.size=2",
        "checkpoint.seconds=5",
        "checkpoint.epochs=2",
        "retries=0",
        "keep_models=all",
        "methods.npn={}",
    ],
)
def test_what_no_trial_depends_on_may_change(setting: str) -> None:
    found = check_changes(config(), config(setting), "here")
    assert found, "the change is seen"
    assert all(change.key.startswith(setting.partition("=")[0]) for change in found)


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("seed=1", "seed: was 0, now 1"),
        ("epochs=5", "epochs: was 4, now 5"),
        ("polish=0", "polish: was 1, now 0"),
        ("batch_size=8", "batch_size: was 32, now 8"),
        ("seeds=2", "seeds: was 1, now 2"),
        ("data.name=moons", "data.name: was digits, now moons"),
        ("model.widths=[9]", "model.widths: was [8], now [9]"),
        ("model.dropout=0.5", "model.dropout: was nothing, now 0.5"),
        ("optimizer.name=adamw", "optimizer.name: was adam, now adamw"),
        ("objectives=[accuracy, macs]", "objectives: was ['accuracy', 'neurons'], now ['accuracy', 'macs']"),
        ("sampler=random", "sampler.name: was auto, now random"),
        ("methods.dense.seeds=2", "methods.dense.seeds: was nothing, now 2"),
        ("methods.group_lasso.space.lambda=0.1", "methods.group_lasso.space.lambda: was [0.0001, 0.1], now 0.1"),
        ("methods.group_lasso.space.lr=0.1", "methods.group_lasso.space.lr: was nothing, now 0.1"),
        ("name=other", "name: was little, now other"),
    ],
)
def test_what_trials_depend_on_may_not_and_the_error_shows_both_values(setting: str, line: str) -> None:
    with pytest.raises(CannotChange) as refused:
        check_changes(config(), config("notes=new", setting), "runs/little/study.yaml")
    assert f"\n  {line}\n" in str(refused.value)
    assert str(refused.value).startswith("runs/little/study.yaml")
    assert "notes: was" not in str(refused.value)


def test_a_method_cannot_be_taken_away() -> None:
    without = loads(YAML.replace("  dense: {trials: 2}\n", ""), names=False)
    with pytest.raises(CannotChange, match=r"methods\.dense"):
        check_changes(config(), without, "here")
    assert [change.allowed for change in changes(without, config())] == [True, True]


def test_the_same_study_has_no_changes() -> None:
    assert changes(config(), config()) == []
