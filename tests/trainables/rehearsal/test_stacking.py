"""Both ways of training a pack are tried on the real network: what follows from it, and what is remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from trainables.problem import Problem, problem
from trainables.recipe import Recipe
from trainables.rehearsal import Stacking, family, stacking
from trainables.rehearsal.stacking import MARGIN

CPU = torch.device("cpu")
RECIPE = Recipe(epochs=20, polish=5, batch_size=32)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDY_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def images() -> Problem:
    model = {"name": "convnet", "channels": [16, 32]}
    return problem({"name": "digits", "image": True, "limit": 200}, model, seed=0)


def tried(where: Problem, method: str = "dense", width: int = 4, **changes: Any) -> Stacking:
    return stacking(where, method, RECIPE, [{"lr": 1e-3}], **{"width": width, "device": CPU, "seconds": 30.0} | changes)


def test_the_answer_follows_from_what_was_measured_and_stays(images: Problem, cache: Path) -> None:
    threads = torch.get_num_threads()
    found = tried(images)
    assert found.stacked_ms and found.in_turn_ms and found.measured
    assert found.together == (found.in_turn_ms / found.stacked_ms > 1 / MARGIN), "the rule expects a stack here"
    assert "a step takes a trial" in str(found)
    assert torch.get_num_threads() == threads
    (file,) = cache.glob("*.json")
    assert tried(images) == found, "two measurements are never the same floats"
    assert tried(images, "group_lasso") == found, "of one family"
    assert tried(images, width=3) != found and len(list(cache.glob("*.json"))) == 2
    file.write_text("{")
    assert tried(images) != found, "what is damaged is measured anew"


def test_a_cache_that_cannot_be_written_is_none(images: Problem, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cache / "file").touch()
    monkeypatch.setenv("STUDY_CACHE", str(cache / "file"))
    assert tried(images).measured


def test_what_is_clear_is_not_measured(images: Problem, cache: Path) -> None:
    digits = problem({"name": "digits"}, {"name": "mlp", "widths": [128, 64]}, seed=0)
    assert tried(digits) == Stacking(True, why="its steps are small")
    assert not tried(images, width=1).measured
    assert tried(images, seconds=1e-6).why.endswith("too long to be tried stacked")
    if not torch.cuda.is_available():
        assert tried(images, device=torch.device("cuda")) == Stacking(True, why="nothing to be measured here")
    assert not list(cache.iterdir())


def test_what_fails_while_it_is_measured_leaves_the_rule(images: Problem, cache: Path) -> None:
    found = stacking(images, "group_lasso", RECIPE, [{"lambda": -1.0}], 4, CPU)
    assert found.together and found.why == "could not be measured (Mistakes)"
    assert not list(cache.iterdir())


@pytest.mark.parametrize(("found", "said"), [((1.0, 2.0), "stack"), ((2.0, 1.0), "other")])
def test_it_says_both(found: tuple[float, float], said: str) -> None:
    line = str(Stacking(found[0] < found[1], *found))
    assert said in line.partition(":")[0] and "1 ms" in line and ", 2 " in line


def test_families() -> None:
    assert family("dense") == family("group_lasso") == family("drop_neuron") == family("magnitude") != family("npn")
