"""A newcomer's first studies, through the command line: files of their own, networks of their own, to a prediction."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import datasets

from study.directory import StudyDirectory, front_of

pytestmark = [pytest.mark.ray, pytest.mark.slow]

STUDY: dict[str, Any] = {
    "name": "first",
    "model": {"name": "mlp", "widths": [16]},
    "epochs": 12,
    "polish": 3,
    "batch_size": 16,
    "trials": 4,
    "methods": ["dense", "group_lasso"],
    "pack": {"size": 4},
    "resources": {"workers": 1},
}


def study(home: Path, *arguments: object) -> str:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "study", *map(str, arguments)]
    ran = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=280)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stdout


def ran(home: Path, **changes: Any) -> StudyDirectory:
    (home / "first.yaml").write_text(json.dumps(STUDY | changes))
    study(home, "run", "first.yaml", "--output", "runs/first")
    place = StudyDirectory(home / "runs" / "first")
    assert set(place.trials()["status"].to_pylist()) == {"COMPLETE"}
    return place


def best(home: Path, place: StudyDirectory, form: str = "pt2") -> str:
    """The file of the front's best network."""
    trial = front_of(place)[0]
    study(home, "export", "runs/first", "--trial", trial, "--format", form)
    card = (home / f"{trial}.md").read_text()
    assert "Range: " in card
    return next(str(file.name) for file in home.glob(f"{trial}.*") if file.suffix not in (".md", ".json"))


@pytest.mark.parametrize(
    ("name", "suffix", "score"), [("wine", "csv", 0.9), ("breast_cancer", "parquet", 0.9), ("diabetes", "csv", 0.3)]
)
def test_a_table(name: str, suffix: str, score: float, home: Path) -> None:
    table = getattr(datasets, f"load_{name}")(as_frame=True).frame
    table.to_csv(home / f"{name}.csv", index=False)
    table.to_parquet(home / f"{name}.parquet")
    objectives = ["nmse", "neurons"] if name == "diabetes" else ["accuracy", "neurons"]
    network = best(home, ran(home, data=f"{name}.{suffix}", objectives=objectives))
    rows = json.loads(study(home, "predict", network, f"{name}.csv", "--json"))
    truth = table["target"].to_numpy()
    if name == "diabetes":
        found = np.array([row["target"] for row in rows])
        assert 1 - ((found - truth) ** 2).mean() / truth.var() > score
    else:
        assert np.mean([int(row["class"]) == label for row, label in zip(rows, truth, strict=True)]) > score


@pytest.mark.parametrize("network", ["Recurrent", "Attention", "Mixed"])
def test_a_network(network: str, home: Path) -> None:
    place = ran(home, data="digits", model=f"users_networks:{network}", batch_size=32)
    in_turn = {manifest.get("vectorize") for manifest in place.manifests()}
    assert in_turn == ({"off"} if network == "Recurrent" else {"on"})
    file = best(home, place)
    scores = json.loads(study(home, "evaluate", file, "--data", "digits", "--json"))
    row = next(row for row in place.trials().to_pylist() if row["trial"] == front_of(place)[0])
    assert scores["accuracy"] == pytest.approx(row["test_accuracy"], abs=0.003)


@pytest.mark.data
def test_mnist_with_lenet(home: Path) -> None:
    data = {"name": "mnist", "limit": 2000}
    methods = {"group_lasso": {"space": {"lr": 0.004, "lambda": 1e-3}}}
    place = ran(home, data=data, model="lenet5", batch_size=64, epochs=2, polish=1, trials=1, methods=methods)
    scores = json.loads(study(home, "evaluate", best(home, place, "onnx"), "--data", "mnist", "--json"))
    assert scores["accuracy"] > 0.8 and scores["examples"] == 10_000
