"""Frames as analysis.load makes them, from the few columns that a test is about."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
import numpy as np
import pandas as pd
import pytest
import yaml

import analysis
from study.directory.study_directory import StudyDirectory

# A busy machine is no failure.
hypothesis.settings.register_profile("analysis", deadline=None)
hypothesis.settings.load_profile("analysis")

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
            "search": 0,
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


METHODS = {"dense": 0.0, "group_lasso": 1.0, "npn": 2.0, "magnitude": 0.6, "random": 0.3}
"""How well the simulated methods compress."""
DENSE = (64, 32)


def write_study(
    location: Any, *, name: str = "made-up", trials: int = 12, seeds: int = 1, searches: int = 1, **config: Any
) -> str:
    """A study directory as the harness writes it, of trials that were never trained.

    Larger lambdas keep fewer units and, past a point, score worse; every ninth trial of a method fails.
    """
    directory = StudyDirectory(location)
    settings = {"name": name, "seed": 0, "data": {"name": "digits"}, "model": {"name": "mlp", "widths": list(DENSE)}}
    settings |= {
        "epochs": 6,
        "polish": 2,
        "objectives": ["accuracy", "neurons"],
        "trials": trials,
        "seeds": seeds,
        "searches": searches,
    }
    settings |= {"methods": {method: {} for method in METHODS}, **config}
    directory.create(yaml.safe_dump(settings))
    for method in settings["methods"]:
        random = np.random.default_rng([len(method), trials])
        rows = [_made_up(method, number, seeds, random) for number in range(trials * seeds * searches)]
        rows = [row | {"search": row["number"] // (trials * seeds)} for row in rows]
        names = {"study": name, "method": method, "pack": f"{method}-p0000"}
        curves = [names | line for row in rows if row["status"] == "COMPLETE" for line in _curve(row, 6)]
        directory.write_results(names["pack"], method, [names | row for row in rows], curves)
    return str(location)


def _made_up(method: str, number: int, seeds: int, random: np.random.Generator) -> dict[str, Any]:
    strength, rate = 10 ** random.uniform(-3, 0), 10 ** random.uniform(-3, -1)
    row: dict[str, Any] = {
        "trial": f"{method}-{number:05d}",
        "number": number,
        "lane": number,
        "seed": number,
        "data_seed": number % seeds,
        "status": "COMPLETE",
        "epochs": 6,
        "train_seconds": float(random.uniform(1, 3)),
        "device": "cpu",
        "finished_at": datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=10 * number),
        "param_lr": rate,
    }
    if method != "dense":
        row |= {"param_lambda": strength, "param_cadence": "step" if number % 2 else "epoch"}
    if method == "npn":
        row |= {
            "param_k_start": 7.0,
            "param_k": 9.0,
            "param_stage_1": 0.2,
            "param_stage_2": 0.5,
            "param_mode": "sparsify",
        }
    if number % 9 == 8:
        trace = 'Traceback (most recent call last):\n  File "net.py", line 3\n'
        return row | {"status": "FAILED", "reason": f"{trace}ValueError: <script>alert(1)</script> & more"}
    keep = 1.0 if method == "dense" else max(0.02, 1 - 0.33 * (np.log10(strength) + 3) * (1 + 0.2 * random.random()))
    loss = 0.0 if method == "dense" else 0.3 * (1 - keep) ** (1 + 2 * METHODS.get(method, 1.0))
    score = float(np.clip(0.97 - loss - 0.02 * abs(np.log10(rate) + 2) + random.normal(0, 0.004), 0.1, 1.0))
    widths = [max(1, round(units * keep)) for units in DENSE]
    weights = 64 * widths[0] + widths[0] * widths[1] + 10 * widths[1]
    whole = 64 * DENSE[0] + DENSE[0] * DENSE[1] + 10 * DENSE[1]
    sizes = {"neurons": (sum(widths), sum(DENSE)), "inputs": (64, 64), "macs": (weights, whole)}
    sizes |= {"parameters": (weights + sum(widths) + 10, whole + sum(DENSE) + 10), "flops": (2 * weights, 2 * whole)}
    row |= {
        key: value for size, pair in sizes.items() for key, value in zip((size, f"dense_{size}"), pair, strict=True)
    }
    row |= {"val_accuracy": score, "test_accuracy": score - 0.005, "val_accuracy_before_polish": score - 0.01}
    return row | {"train_loss": 1 - score, "val_loss": 1.1 - score, "widths": widths, "dense_widths": list(DENSE)}


def _curve(row: dict[str, Any], epochs: int) -> Iterator[dict[str, Any]]:
    for epoch in range(1, epochs + 1):
        done = epoch / epochs
        widths = [round(whole + done * (left - whole)) for whole, left in zip(DENSE, row["widths"], strict=True)]
        yield {
            "trial": row["trial"],
            "epoch": epoch,
            "train_loss": 2.3 - done * (2.3 - row["train_loss"]),
            "val_accuracy": 0.1 + done * (row["val_accuracy"] - 0.1),
            "neurons": sum(widths),
            "widths": widths,
            "gates": _gates(done) if row["trial"].startswith("npn") and epoch < epochs - 1 else None,
        }


def _gates(done: float) -> list[int]:
    """Half of a hundred gates close as training goes on."""
    shut = round(50 * done)
    return [shut, *[0] * 13, 50 - shut, *[0] * 4, 50]


@pytest.fixture(scope="session")
def study_writer() -> Callable[..., str]:
    return write_study


@pytest.fixture(scope="session")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small study of five methods, written once: look, do not touch."""
    return write_study(tmp_path_factory.mktemp("studies") / "made-up")


@pytest.fixture(scope="session")
def study(made_up: str) -> analysis.Study:
    return analysis.load(made_up)
