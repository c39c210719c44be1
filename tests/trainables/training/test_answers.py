"""How each example was answered: it adds up to the scores, and says what chance would score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trainables.recipe import Recipe
from trainables.training.pack import Job, Pack
from trainables.training.stack import Trial

TRIALS = tuple(Trial(f"t{i}", i, 0, {"lambda": 0.01 * (i + 1), "lr": 0.02}) for i in range(3))


def rows(data: dict[str, Any], model: dict[str, Any], *, vectorize: str = "on") -> list[dict[str, Any]]:
    pack = Pack(Job("group_lasso", data, model, Recipe(epochs=2, batch_size=32), TRIALS, vectorize=vectorize))
    while not pack.done:
        pack.train_epoch()
    return pack.trial_rows()


@pytest.fixture(scope="module")
def digits() -> list[dict[str, Any]]:
    return rows({"name": "digits", "limit": 400}, {"name": "mlp", "widths": [12, 8]})


def test_the_bits_add_up_to_the_accuracies(digits: list[dict[str, Any]]) -> None:
    for row in digits:
        for split in ("val", "test"):
            bits = np.unpackbits(np.frombuffer(row[f"{split}_answers"], np.uint8), count=row[f"{split}_examples"])
            assert bits.mean() == pytest.approx(row[f"{split}_accuracy"], abs=1e-12)
            assert len(row[f"{split}_answers"]) == -(-row[f"{split}_examples"] // 8)


def test_the_examples_and_chance_are_in_every_row(digits: list[dict[str, Any]]) -> None:
    (examples,) = {(row["train_examples"], row["val_examples"], row["test_examples"]) for row in digits}
    assert examples == (400, 359, 359)
    assert {row["task"] for row in digits} == {"classification"}
    assert all(0.02 < row["chance_accuracy"] < 0.25 for row in digits)


def test_the_errors_add_up_to_the_mean_squared_error() -> None:
    for row in rows({"name": "sparse_regression"}, {"name": "mlp", "widths": [4]}):
        errors = np.frombuffer(row["test_answers"], "<f4")
        assert len(errors) == row["test_examples"]
        assert errors.mean(dtype=float) == pytest.approx(row["test_mse"], rel=1e-5)
        assert row["task"] == "regression" and row["chance_mse"] > 0
