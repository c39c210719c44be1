"""The dry run tells the truth: about the data, the network and the machine, a line for each thing that is wrong."""

from __future__ import annotations

import csv
import json
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from study import cli

Refused = Callable[..., str]
STUDY: dict[str, Any] = {
    "name": "first",
    "data": "digits",
    "model": {"name": "mlp", "widths": [8]},
    "epochs": 2,
    "polish": 1,
    "trials": 2,
    "methods": ["dense", "group_lasso"],
}


def write(home: Path, **changes: Any) -> Path:
    path = home / "first.yaml"
    path.write_text(json.dumps(STUDY | changes))  # JSON is YAML
    return path


def table(home: Path, labels: Iterable[Any], name: str = "table.csv") -> str:
    rng = np.random.default_rng(0)
    with (home / name).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "c", "target"])
        writer.writerows([*rng.normal(size=2).round(3), 1, label] for label in labels)
    return name


@pytest.fixture
def study(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """The command: its exit code, what it says and what it complains of."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["study", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def dry(study: Callable[..., Any], path: Path, *settings: str) -> str:
    code, said, _ = study("run", path, "--dry-run", *settings)
    assert code == 0
    return " ".join(said.split())


def refused(study: Callable[..., Any], path: Path) -> str:
    code, _, said = study("run", path, "--dry-run")
    assert code == 2 and len(said.splitlines()) == 1, said
    assert not (path.parent / "runs").exists()
    return str(said)


def test_it_shows_what_a_table_holds_and_why_it_is_read_so(study: Any, home: Path) -> None:
    name = table(home, ["red", "white", "white"] * 40)
    said = dry(study, write(home, data=name))
    assert "120 rows, 3 columns, float32" in said
    assert "the label is the column 'target', the first of label, target, class, y that there is" in said
    assert "classification, since its values are string" in said
    assert "2, with training examples red: 24, white: 48" in said
    assert "72 train, 24 validation, 24 test" in said
    assert "less its mean, over its standard deviation" in said
    assert "1 of 24 validation examples is 4.2 points of accuracy" in said
    assert "the same value in all training examples: c" in said


def test_it_shows_what_a_network_is_made_of(study: Any, home: Path) -> None:
    said = dry(study, write(home, model="users_networks:Recurrent"))
    assert "recurrent LSTM 1,664 no: recurrent, left whole" in said
    assert "hidden Linear 24 408 yes" in said
    assert "out Linear 10 250 no: part of the network's output" in said
    assert "train one after the other" in said and "since torch cannot stack users_networks:Recurrent: Batching" in said


def test_it_says_why_no_unit_can_go(study: Any, home: Path) -> None:
    (home / "tied.py").write_text(
        "from torch import nn\n"
        "class Tied(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.a = nn.Linear(64, 64)\n"
        "        self.out = nn.Linear(64, 10)\n"
        "    def forward(self, x):\n"
        "        return self.out(self.a(self.a(x).relu()).relu())\n"
    )
    said = dry(study, write(home, model="tied:Tied"))
    assert "no unit of tied:Tied can go, every trial keeps all 64 neurons: a: a is used more than once" in said


def test_json_is_for_programs(study: Any, home: Path) -> None:
    code, said, _ = study("run", write(home), "--dry-run", "--json")
    found = json.loads(said)
    assert (code, found["data"]["splits"]["train"], found["network"]["neurons"]) == (0, 1079, 8)
    assert [step["method"] for step in found["steps"]] == ["dense", "group_lasso"]
    assert found["trials"] == {"dense": 2, "group_lasso": 2} and found["epochs_per_hour"] > 0


@pytest.mark.parametrize(
    ("labels", "changes", "said"),
    [
        (["a"] * 50, {}, "expected at least 2 classes to tell apart, but all labels are 'a'"),
        (list("abcdefghijklmnopqrstuvwxyz"), {}, "an example of each of the 26 classes at least, but 16 are left"),
        (["a", "b"], {}, "test: 0.2 of 2 examples is 0, which leaves a split empty"),
        (["a", "b"] * 20, {"batch_size": 64}, "batch_size: expected at most the 24 training examples of"),
        ([0.0, 1.0, 2.0] * 20, {"batch_size": 8}, "labels of 3 distinct whole numbers written with a decimal point"),
    ],
)
def test_data_that_cannot_be_learned_from(
    labels: list[Any], changes: dict[str, Any], said: str, study: Any, home: Path
) -> None:
    assert said in refused(study, write(home, data=table(home, labels), **{"batch_size": 4} | changes))


def test_numbers_with_fractions_are_targets(study: Any, home: Path) -> None:
    name = table(home, np.random.default_rng(0).normal(size=100))
    said = dry(study, write(home, data=name, objectives=["nmse", "neurons"]))
    assert "regression, since its values are double with fractions" in said


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("users_networks:Seven", "users_networks:Seven gives 7 numbers for an example, but digits has 10 classes"),
        ({"name": "users_networks:Recurrent", "layers": 2, "dropout": 0.1}, "recurrent (nn.LSTM) drops out"),
        ("broken:Net", "broken:Net fails: TypeError: 'NoneType' object is not callable ({home}/broken.py:6)"),
    ],
)
def test_networks_that_cannot_be_trained(model: Any, said: str, study: Any, home: Path) -> None:
    (home / "broken.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        nothing = None\n"
        "        self.a = nothing()\n"
    )
    assert said.format(home=home) in refused(study, write(home, model=model))


def test_heads_are_no_objective_where_there_is_no_attention(study: Any, home: Path) -> None:
    said = refused(study, write(home, objectives=["accuracy", "heads"]))
    assert "objectives: expected attention, whose heads are counted, but mlp has none" in said


def nobody_listens() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"resources": {"cpus_per_worker": 4096}}, "resources.cpus_per_worker: expected at most "),
        ({"resources": {"gpus_per_worker": 64}}, "resources.gpus_per_worker: expected at most "),
        ({"resources": {"address": nobody_listens()}}, "resources.address: nothing answers at 127.0.0.1:"),
        ({"trials": 10**12, "epochs": 1000}, "trials of 1000 epochs would take about "),
    ],
)
def test_machines_that_are_not_there(
    changes: dict[str, Any], said: str, study: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert said in refused(study, write(home, **changes))


def test_a_run_stops_before_ray_at_what_a_dry_run_refuses(study: Any, home: Path) -> None:
    code, _, said = study("run", write(home, data=table(home, ["a"] * 50), batch_size=8))
    assert code == 2 and "all labels are 'a'" in said
    assert not (home / "runs").exists()
