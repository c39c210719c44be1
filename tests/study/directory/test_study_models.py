"""Compact networks in a study directory: which are kept, and the commands that use them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

import analysis
from study.cli import app
from study.config.load import loads, stored, to_yaml
from study.directory.models import Front, Models, front_of
from study.directory.study_directory import Manifest, StudyDirectory
from study.doctor.repair import fix
from study.running.networks import Keeper, Writer
from study.running.publishing import publish
from study.running.training import job_of
from trainables.deploy.saved import Saved
from trainables.training.pack import Pack

pytestmark = pytest.mark.usefixtures("single_thread")

STUDY = """
name: little
data: {name: digits, limit: 240}
model: {name: mlp, widths: [12, 8]}
epochs: 3
polish: 1
trials: 4
methods: [magnitude]
objectives: [accuracy, neurons]
"""


def manifest(index: int, sparsities: Sequence[float]) -> Manifest:
    specs: list[Any] = [
        {
            "trial": f"magnitude-{10 * index + lane:05d}",
            "number": 10 * index + lane,
            "lane": lane,
            "seed": 10 * index + lane,
            "data_seed": 0,
            "parameters": {"sparsity": sparsity, "lr": 0.01},
        }
        for lane, sparsity in enumerate(sparsities)
    ]
    return {"schema": 1, "pack": f"magnitude-p{index:04d}", "method": "magnitude", "trials": specs}


def opened(location: Path, keep: str = "front") -> StudyDirectory:
    directory = StudyDirectory(location)
    directory.create(to_yaml(loads(f"{STUDY}keep_models: {keep}\n", names=False)))
    return directory


def train(directory: StudyDirectory, pack: Manifest) -> list[dict[str, Any]]:
    """A worker's life: train, write networks, publish."""
    directory.write_manifest(pack)
    config = stored(directory)
    worker = Pack(job_of(config, pack), keep=Writer(config, directory, pack).write)
    while not worker.done:
        worker.train_epoch()
    publish(directory, "little", pack, worker.trial_rows(), worker.curve_rows())
    return directory.rows(pack["pack"], pack["method"])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> StudyDirectory:
    """A study of one pack, with the networks of its front."""
    directory = opened(tmp_path_factory.mktemp("study") / "little")
    rows = train(directory, manifest(0, [0.0, 0.3, 0.6, 0.9]))
    Keeper(stored(directory), directory).update(rows)
    return directory


# -- which trials ----------------------------------------------------------------------------------------------


def rows_of(points: Mapping[str, tuple[float | None, float]], status: str = "COMPLETE") -> list[dict[str, Any]]:
    return [{"trial": t, "status": status, "val_accuracy": a, "neurons": n} for t, (a, n) in points.items()]


def test_a_front_is_that_of_the_analysis() -> None:
    rng = np.random.default_rng(0)
    found, rows = Front(["accuracy", "neurons"]), []
    for pack in range(20):
        points = {f"t{pack}-{i}": (rng.integers(10) / 10, float(rng.integers(10))) for i in range(8)}
        new = rows_of(points) + rows_of({f"f{pack}": (1.0, 0.0)}, "FAILED")
        new += rows_of({f"n{pack}": (None, 0.0), f"i{pack}": (float("inf"), 0.0)})
        rows += new
        found.add(new)
        expected = analysis.pareto(pd.DataFrame(rows))
        assert set(found.trials) == set(expected["trial"])
    best = {row["trial"]: row["val_accuracy"] for row in rows}
    assert best[found.trials[0]] == max(best[trial] for trial in found.trials)


@pytest.mark.parametrize("require", [{}, {"accuracy": 0.5}])
def test_a_front_of_many_at_once_is_that_of_one_after_the_other(require: dict[str, float]) -> None:
    rng = np.random.default_rng(0)
    points = {f"t{n}": (float(rng.random()), int(rng.integers(99))) for n in range(3000)}
    rows = (
        rows_of(points) + rows_of({"n": (None, 1.0), "i": (float("inf"), 1.0)}) + rows_of({"f": (1.0, 0.0)}, "FAILED")
    )
    at_once, in_turn = Front(["accuracy", "neurons"], require), Front(["accuracy", "neurons"], require)
    at_once.add(rows)
    at_once.add(rows_of({"late": (2.0, 50)}))
    for start in range(0, len(rows), 100):
        in_turn.add(rows[start : start + 100])
    in_turn.add(rows_of({"late": (2.0, 50)}))
    assert at_once.trials == in_turn.trials and 3 < len(at_once) < 100
    nothing = Front(["accuracy", "neurons"], {"accuracy": 2.0})
    nothing.add(rows)
    assert len(nothing) == 0


def test_a_front_of_nothing_is_empty() -> None:
    found = Front(["accuracy", "neurons"])
    found.add(rows_of({"a": (0.5, 1.0)}, "NOT_EQUIVALENT"))
    assert len(found) == 0 and "a" not in found and found.trials == []


def test_what_falls_short_of_what_is_required_is_on_no_front() -> None:
    found = Front(["accuracy", "neurons"], {"accuracy": 0.5})
    found.add(rows_of({"a": (0.9, 50.0), "b": (0.5, 9.0), "c": (0.4, 1.0)}))
    assert found.trials == ["a", "b"]


def test_the_front_of_several_seeds_is_of_their_means() -> None:
    points = {"t0": (0.99, 10.0), "t1": (0.41, 10.0), "t2": (0.8, 10.0), "t3": (0.8, 10.0), "t4": (1.0, 9.0)}
    rows = [row | {"method": "npn", "number": n} for n, row in enumerate(rows_of(points))]
    rows.append(rows_of({"t5": (None, 9.0)}, "FAILED")[0] | {"method": "npn", "number": 5})
    found = Front.of({"objectives": ["accuracy", "neurons"], "seeds": 2, "methods": {"npn": None}})
    found.add(rows)
    assert set(found.trials) == {"t2", "t3"}, "t0 is lucky, and a seed of t4's configuration failed"


@pytest.mark.parametrize("seeds", [2, {"front": 3}])
def test_configurations_of_several_searches_stay_apart(seeds: Any) -> None:
    """With what `columns` names of rows, and nothing else."""
    again = {"repeats": 0} if isinstance(seeds, dict) else {}
    config = {"objectives": ["accuracy", "neurons"], "seeds": seeds, "searches": 2, "methods": {"npn": None}}
    found = Front.of(config)
    rows = []
    for search, accuracies in {None: (0.6, 0.8), 1: (0.9, 0.9)}.items():
        for number, row in enumerate(rows_of({f"s{search or 0}t{n}": (a, 9.0) for n, a in enumerate(accuracies)})):
            named = {"method": "npn", "number": number, "search": search, "repeats": None, "epochs": 1}
            rows.append(row | named | (again if number else {}))
    rows[1]["search"] = 0  # as newer versions write the first one
    found.add([{name: row.get(name) for name in found.columns} for row in rows])
    assert found.trials == ["s1t0", "s1t1"], "the mean over both searches is on no front"
    found = Front.of(config)
    found.add([{name: row.get(name) for name in found.columns} for row in rows[:2]])
    assert found.trials == ["s0t1", "s0t0"], "0 where nothing is said"


def test_networks_that_leave_the_front_are_removed(tmp_path: Path) -> None:
    directory = opened(tmp_path / "study")
    models, keeper = Models(directory), Keeper(stored(directory), directory)
    network = Saved(torch.nn.Linear(2, 2), {"schema": 1})
    for trial in ("a", "b", "c", "running"):
        models.write(trial, network)
    keeper.update(rows_of({"a": (0.5, 5.0), "b": (0.4, 6.0)}))
    assert models.trials() == ["a", "c", "running"]  # packs of the others have not told their rows yet
    keeper.update(rows_of({"c": (0.5, 4.0)}))
    assert models.trials() == ["c", "running"]
    assert {path.name for path in (tmp_path / "study" / "models").iterdir()} == {
        "c.json",
        "c.safetensors",
        "running.json",
        "running.safetensors",
    }
    resumed = Keeper(stored(directory), directory)
    resumed.update(rows_of({"a": (0.5, 5.0), "c": (0.5, 4.0), "running": (0.1, 9.0)}))
    assert models.trials() == ["c"]


@pytest.mark.parametrize("keep", ["front", "all", "none"])
def test_workers_write_what_is_to_be_kept(tmp_path: Path, keep: str) -> None:
    directory = opened(tmp_path / "study", keep)
    rows = train(directory, manifest(0, [0.0, 0.5, 0.5]))
    Keeper(stored(directory), directory).update(rows)
    complete = sorted(row["trial"] for row in rows)
    expected = {"front": sorted(front_of(directory)), "all": complete, "none": []}[keep]
    assert Models(directory).trials() == expected


def test_rows_and_cards_tell_of_the_comparison(finished: StudyDirectory) -> None:
    for row in finished.trials().to_pylist():
        assert row["status"] == "COMPLETE"
        assert 0 <= row["max_abs_difference"] < 1e-4 and row["argmax_agreement"] == 1
    for trial in front_of(finished):
        row = next(row for row in finished.trials().to_pylist() if row["trial"] == trial)
        card = json.loads(Path(finished.path("models", f"{trial}.json")).read_text())
        assert card == Models(finished).read(trial).card
        assert card["study"] == "little" and card["method"] == "magnitude"
        assert all(card["trial"][name] == row[name] for name in ("val_accuracy", "test_accuracy", "neurons", "seed"))


def test_a_saved_network_is_as_small_as_its_row_says(finished: StudyDirectory) -> None:
    for row in finished.trials().to_pylist():
        if row["trial"] in front_of(finished):
            module = Models(finished).read(row["trial"]).module
            assert sum(p.numel() for p in module.parameters()) == row["parameters"]


def test_a_network_that_is_not_there_is_said(finished: StudyDirectory) -> None:
    there = Models(finished).trials()
    with pytest.raises(ValueError, match=f"expected a trial of .* got 'magnitude-9'; .*{there[0][:9]}"):
        Models(finished).read("magnitude-9")


# -- commands --------------------------------------------------------------------------------------------------


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "120"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(
    ("form", "suffix"), [("pt2", "pt2"), ("onnx", "onnx"), ("safetensors", "safetensors"), ("pytorch", "pt")]
)
def test_an_exported_network_scores_what_its_row_says(
    finished: StudyDirectory, tmp_path: Path, form: str, suffix: str
) -> None:
    trial = front_of(finished)[0]
    file = tmp_path / f"network.{suffix}"
    run("export", finished.path(), "--trial", trial, "--format", form, "--output", file)
    found = json.loads(run("evaluate", file, "--data", "digits", "--json"))
    row = next(row for row in finished.trials().to_pylist() if row["trial"] == trial)
    assert found["accuracy"] == pytest.approx(row["test_accuracy"])
    assert found["loss"] == pytest.approx(row["test_loss"], rel=1e-4)
    page = file.with_suffix(".md").read_text()
    assert f"`{trial}`" in page and f"{row['test_accuracy']:.4g}" in page and file.name in page


@pytest.mark.parametrize("form", ["pt2", "safetensors"])
def test_a_damaged_network_is_not_used_and_can_be_set_aside(
    finished: StudyDirectory, tmp_path: Path, form: str
) -> None:
    trial = front_of(finished)[0]
    study = StudyDirectory(shutil.copytree(finished.path(), tmp_path / "study"))
    network, card = (Path(study.path("models", f"{trial}.{suffix}")) for suffix in ("safetensors", "json"))
    exported = tmp_path / "network.safetensors"
    run("export", study.path(), "--trial", trial, "--format", "safetensors", "--output", exported)
    for file in (network, exported):
        file.write_bytes(file.read_bytes()[:-1] + bytes([file.read_bytes()[-1] ^ 1]))
    with pytest.raises(ValueError, match=f"^{network} is damaged, .*its checksum is wrong"):
        run("export", study.path(), "--trial", trial, "--format", form, "--output", tmp_path / f"other.{form}")
    with pytest.raises(ValueError, match=f"^{exported} is damaged, .*its checksum is wrong"):
        run("evaluate", exported, "--data", "digits")
    assert [(finding.kind, finding.path) for finding in fix(study) if trial in finding.path] == [
        ("checksum", f"models/{trial}.safetensors"),
        ("orphan", f"models/{trial}.json"),
    ]
    assert not network.exists() and not card.exists()
    assert Path(f"{network}.corrupt").exists()
    with pytest.raises(ValueError, match=f"the network of {trial} is not there"):
        Models(study).read(trial)


def test_a_whole_front_is_exported(finished: StudyDirectory, tmp_path: Path) -> None:
    run("export", finished.path(), "--front", "--format", "safetensors", "--output", tmp_path / "front")
    names = {f"{trial}{suffix}" for trial in front_of(finished) for suffix in (".safetensors", ".md", ".example.json")}
    assert {path.name for path in (tmp_path / "front").iterdir()} == names


def test_evaluate_says_what_it_scored(finished: StudyDirectory, tmp_path: Path) -> None:
    file = tmp_path / "network.pt"
    run("export", finished.path(), "--trial", front_of(finished)[0], "--format", "pytorch", "--output", file)
    text = run("evaluate", file, "--data", "digits", "--split", "validation")
    assert "accuracy" in text and "validation examples of digits" in text
    with pytest.raises(ValueError, match="the network is for task classification"):
        run("evaluate", file, "--data", "sparse_regression")


def test_latency_measures_every_network_with_every_batch(
    finished: StudyDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainables.deploy.latency.WARM_UP_SECONDS", 0.0)
    monkeypatch.setattr("trainables.deploy.latency.MOST_RUNS", 30)
    file = tmp_path / "latency.json"
    trial = front_of(finished)[-1]
    text = run("latency", finished.path(), "--trials", trial, "--batch", "1,16", "--align", "8", "--json", file)
    rows = json.loads(file.read_text())
    assert [(row["trial"], row["network"], row["batch"]) for row in rows] == [
        (name, kind, batch)
        for name, kind in ((None, "dense"), (trial, "compact"), (trial, "aligned to 8"))
        for batch in (1, 16)
    ]
    dense, compact, aligned = rows[::2]
    assert aligned["neurons"] == 16 and compact["macs"] < aligned["macs"] < dense["macs"]
    for row in rows:
        assert 0 < row["p50_ms"] <= row["p95_ms"] and row["runs"] == 30
        assert (row["device"], row["dtype"], row["threads"], row["compiled"]) == ("cpu", "float32", 1, False)
    assert "on cpu, float32, 1 thread" in text and "dense" in text and trial in text
    frame = analysis.load(finished.path(), batch=16).trials.set_index("trial")
    assert frame["latency_ms"].dropna().to_dict() == {trial: rows[3]["p50_ms"]}
    assert set(frame["dense_latency_ms"]) == {rows[1]["p50_ms"]}
    (point,) = json.loads(run("pareto", finished.path(), "--objectives", "accuracy,latency", "--json"))
    assert (point["trial"], point["latency_ms"]) == (trial, pytest.approx(compact["p50_ms"]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export"], "either --trial ID or --front"),
        (["export", "--front", "--trial", "a"], "either --trial ID or --front"),
        (["export", "--front", "--format", "pickle"], "expected one of pt2, onnx, safetensors, pytorch"),
        (["export", "--trial", "a", "--output", "a.onnx"], r"ends in \.pt2 for pt2"),
        (["latency", "--batch", "1,x"], "--batch: expected whole numbers"),
        (["latency", "--align", "0"], "--align: expected whole numbers"),
        (["latency", "--trials", "nothing"], "expected a trial of"),
        (["latency", "--device", "tpu"], "expected cpu or cuda"),
    ],
)
def test_what_cannot_be_done_is_said(finished: StudyDirectory, arguments: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(arguments[0], finished.path(), *arguments[1:])
