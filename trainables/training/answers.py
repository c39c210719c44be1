"""How each example of a split was answered, in as few bytes as say it; and what the best constant answer scores."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainables.data import Dataset


def packed(answers: Tensor) -> list[bytes]:
    """For each lane of (P, N): a bit for each of N booleans, the first one highest; or N float32, little-endian."""
    values = answers.cpu().numpy()
    if values.dtype == np.bool_:
        return [row.tobytes() for row in np.packbits(values, axis=1)]
    return [row.tobytes() for row in values.astype("<f4")]


def described(dataset: Dataset) -> dict[str, Any]:
    """Columns of a row that are the data set's: the task, the examples of each split, and what chance scores."""
    sizes = {"train": dataset.train, "val": dataset.validation, "test": dataset.test}
    examples = {f"{name}_examples": len(part) for name, part in sizes.items()}
    return {"task": dataset.task} | examples | dict(_chance(dataset))


@lru_cache(maxsize=8)
def _chance(dataset: Dataset) -> tuple[tuple[str, float], ...]:
    """The validation score of the commonest class, or of the mean target, of the training data."""
    train, validation = dataset.targets(dataset.train.y), dataset.targets(dataset.validation.y)
    if dataset.task == "classification":
        commonest = torch.bincount(train).argmax()
        return (("chance_accuracy", float((validation == commonest).double().mean())),)
    if dataset.task == "regression":
        return (("chance_mse", float((validation - train.mean(0)).square().mean())),)
    return ()
