"""A score of the user's own: the same number for a lane in a stack, alone and by hand, and as an objective."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from study.config.load import ConfigError, StudyConfig, of_mapping
from trainables import own_code
from trainables.errors import StudyError
from trainables.problem import problem
from trainables.recipe import Recipe
from trainables.training.own_score import own_score
from trainables.training.pack import Job, Pack
from trainables.training.stack import Stack, Trial

SCORES = """
import torch
from sklearn.metrics import accuracy_score

def accuracy(output, target):
    assert type(output) is torch.Tensor and output.shape == (len(target), 10) and target.ndim == 1
    return accuracy_score(target, output.argmax(-1))

def nothing(output, target):
    return None

def not_a_number(output, target):
    return float("nan")
"""
RECIPE = {"epochs": 3, "polish": 1, "batch_size": 539}
TRIALS = tuple(Trial(f"t{i}", i, 0, {"lr": 0.01 * (i + 1), "lambda": 0.001}) for i in range(3))


@pytest.fixture(autouse=True)
def scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_scores.py").write_text(SCORES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(own_code, "_named", set())
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "own_scores", raising=False)


def pack(score: str | None, vectorize: str = "on") -> Pack:
    recipe = Recipe(**RECIPE, score=score)  # type: ignore[arg-type]
    job = Job("group_lasso", {"name": "digits"}, {"name": "mlp", "widths": [8]}, recipe, TRIALS, vectorize=vectorize)
    done = Pack(job)
    while not done.done:
        done.train_epoch()
    return done


@pytest.mark.parametrize("vectorize", ["on", "off"])
def test_it_is_computed_for_each_lane_on_the_whole_split(vectorize: str) -> None:
    done = pack("own_scores:accuracy", vectorize)
    for row in done.trial_rows():
        assert row["val_score"] == pytest.approx(row["val_accuracy"], abs=1e-12)
        assert row["test_score"] == pytest.approx(row["test_accuracy"], abs=1e-12)
        assert "val_score_before_polish" in row
    for entry in done.curve_rows():
        assert entry["val_score"] == pytest.approx(entry["val_accuracy"], abs=1e-12)


def test_it_changes_nothing_else() -> None:
    own = {"train_seconds", "val_score", "test_score", "val_score_before_polish"}
    rows = [
        [{name: value for name, value in row.items() if name not in own} for row in pack(score).trial_rows()]
        for score in (None, "own_scores:accuracy")
    ]
    assert rows[0] == rows[1]


def test_lanes_with_data_of_their_own() -> None:
    moons = problem({"name": "moons", "resample": True}, {"name": "mlp", "widths": [4]}, 0, (0, 1))
    trials = [Trial(f"t{i}", i, i, {"lr": 0.01}) for i in range(2)]
    (Path("two_scores.py")).write_text("def hits(o, t):\n    return (o.argmax(-1) == t).double().mean()\n")
    stack = Stack(moons, "dense", Recipe(epochs=1, score="two_scores:hits"), trials, torch.device("cpu"))
    stack.train_epoch()
    found = stack.scores("validation")
    assert torch.allclose(found["score"], found["accuracy"])


def test_what_is_no_number() -> None:
    output, target = [torch.zeros(1, 4, 10)], [torch.zeros(1, 4, dtype=torch.long)]
    with pytest.raises(StudyError, match="expected own_scores:nothing to return a number, but got None"):
        own_score("own_scores:nothing")(output, target)
    assert math.isnan(own_score("own_scores:not_a_number")(output, target).item())
    with pytest.raises(StudyError, match=r"did you mean .?accuracy"):
        own_score("own_scores:acuracy")


def test_it_is_an_objective_only_of_a_study_that_has_one() -> None:
    study = {"name": "s", "data": "digits", "model": "mlp", "epochs": 2, "methods": ["dense"]}
    config = of_mapping(study | {"score": "own_scores:accuracy", "objectives": ["score", "neurons"]})
    assert config.recipe().score == "own_scores:accuracy"
    with pytest.raises(ConfigError, match=r"objectives\.0: expected `score: module:function` in the study"):
        of_mapping(study | {"objectives": ["score", "neurons"]})
    assert "score" not in StudyConfig.model_validate(study).model_dump()
