"""Frames as analysis.load makes them, from the few columns that a test is about."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

Frame = Callable[..., pd.DataFrame]


def make_trials(accuracy: Any, neurons: Any, **columns: Any) -> pd.DataFrame:
    """One trial per accuracy and neuron count, of a network of 100 neurons; `columns` replace defaults."""
    count = len(accuracy)
    frame = pd.DataFrame(
        {
            "study": "s",
            "method": "group_lasso",
            "trial": [f"group_lasso-{number:05d}" for number in range(count)],
            "number": np.arange(count),
            "seed": 0,
            "data_seed": 0,
            "status": "COMPLETE",
            "reason": None,
            "val_accuracy": np.asarray(accuracy, dtype=float),
            "test_accuracy": np.asarray(accuracy, dtype=float) - 0.01,
            "neurons": np.asarray(neurons, dtype=float),
            "dense_neurons": 100,
            "train_seconds": 1.0,
        }
    )
    frame = frame.assign(**columns)
    return frame.astype({"study": "category", "method": "category", "status": "category"})


@pytest.fixture(scope="session")
def trials() -> Frame:
    return make_trials


@pytest.fixture
def digits() -> pd.DataFrame:
    """A small study: a dense baseline of 96 %, two methods, a failed trial and one without accuracy."""
    return make_trials(
        [0.95, 0.96, 0.97, 0.95, 0.90, 0.10, np.nan, 0.955, 0.80, np.nan],
        [100, 100, 60, 30, 20, 0, np.nan, 40, 10, 50],
        method=["dense"] * 2 + ["group_lasso"] * 5 + ["npn"] * 3,
        trial=[f"t{number}" for number in range(10)],
        status=["COMPLETE"] * 6 + ["FAILED"] + ["COMPLETE"] * 3,
        reason=[None] * 6 + ["loss is nan in epoch 3"] + [None] * 3,
    )
