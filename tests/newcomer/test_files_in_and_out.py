"""Data of one's own to an exported network whose answers are checked, without a cluster in between."""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn import datasets

from study.cli.predict import predict
from trainables import data
from trainables.deploy import SUFFIXES, Saved, check_example, export, load, strangers
from trainables.errors import StudyError
from trainables.problem import problem
from trainables.recipe import Recipe
from trainables.training import Stack, Trial, outcomes


def trained(options: dict[str, Any], model: dict[str, Any], epochs: int = 12, lr: float = 0.01) -> Saved:
    """The compact network of a trial of group lasso, with the card that a study gives it."""
    where = problem(options, model, 0)
    recipe = Recipe(epochs=epochs, polish=2, batch_size=16)
    stack = Stack(where, "group_lasso", recipe, [Trial("t0", 1, 0, {"lambda": 0.01, "lr": lr})], torch.device("cpu"))
    while not stack.done:
        stack.train_epoch()
    (outcome,) = outcomes(stack)
    assert outcome is not None and outcome.module is not None, outcome
    return outcome.saved({"trial": "t0"}, data=options, data_seed=0)


@cache
def frame(name: str) -> Any:
    return getattr(datasets, f"load_{name}")(as_frame=True).frame


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(("name", "score"), [("wine", 0.9), ("breast_cancer", 0.9), ("diabetes", 0.35)])
def test_a_table_of_ones_own(
    name: str, score: float, suffix: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, file = frame(name), home / f"{name}.{suffix}"
    table.to_csv(file, index=False) if suffix == "csv" else table.to_parquet(file)
    network = home / "network.pt2"
    network.write_bytes(export(trained({"name": str(file)}, {"name": "mlp", "widths": [16]}), "pt2"))
    shuffled = table.sample(frac=1, axis=1, random_state=0)
    shuffled.to_csv(home / "new.csv", index=False)
    predict(network, home / "new.csv", as_json=True)
    rows = json.loads(capsys.readouterr().out)
    truth = table["target"].to_numpy()
    assert len(rows) == len(table)
    if name == "diabetes":
        found = np.array([row["target"] for row in rows])
        assert 1 - ((found - truth) ** 2).mean() / truth.var() > score
    else:
        assert (np.array([int(row["class"]) for row in rows]) == truth).mean() > score
        assert all(sum(row["probabilities"].values()) == pytest.approx(1) for row in rows)


def pictures(folder: Path) -> None:
    """Two classes: a bright left half, a bright right half."""
    rng = np.random.default_rng(0)
    for side in ("left", "right"):
        (folder / side).mkdir(parents=True)
        for i in range(30):
            pixels = rng.integers(0, 90, (8, 8), dtype=np.uint8)
            pixels[:, : 4 if side == "left" else 8][:, -4:] += 120
            Image.fromarray(pixels).save(folder / side / f"{i}.png")


def test_a_folder_of_images(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures(home / "pictures")
    network = home / "network.onnx"
    network.write_bytes(export(trained({"name": "pictures"}, {"name": "convnet", "channels": [4, 4]}), "onnx"))
    predict(network, home / "pictures", output=home / "answers.csv")
    assert "60 answers of network.onnx in " in capsys.readouterr().out
    rows = list(csv.DictReader((home / "answers.csv").read_text().splitlines()))
    assert np.mean([row["class"] == Path(row["file"]).parent.name for row in rows]) > 0.9
    assert {"probability", "probability_left", "probability_right"} < set(rows[0])
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(home / "large.png")
    with pytest.raises(StudyError, match="expected an image of 8x8 pixels, as the network reads, but got 9x9"):
        predict(network, home / "large.png")


@pytest.mark.parametrize("network", ["Recurrent", "Attention", "Mixed", "Branching", "Several"])
@pytest.mark.parametrize("form", ["pt2", pytest.param("onnx", marks=pytest.mark.slow), "pytorch"])
def test_a_network_of_ones_own(network: str, form: str, home: Path) -> None:
    saved = trained({"name": "digits", "limit": 300}, {"name": f"users_networks:{network}"}, epochs=4)
    file = home / f"network{SUFFIXES[form]}"
    if network == "Branching" and form != "pytorch":
        with pytest.raises(StudyError, match="cannot hold users_networks:Branching, which torch cannot trace") as said:
            export(saved, form)
        assert "safetensors" in str(said.value) and "\n" not in str(said.value)
        return
    file.write_bytes(export(saved, form))
    back = load(file)
    check_example(back, file.name)
    test = data.load("digits", seed=0, limit=300).test
    with torch.no_grad():
        direct = saved.module(test.x)  # digits are not standardised
        torch.testing.assert_close(back.predict(test.x), direct, atol=1e-4, rtol=1e-4)


def test_a_network_says_what_it_expects_and_notices_another_scale(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = trained({"name": "digits", "limit": 300}, {"name": "mlp", "widths": [16]}, epochs=3)
    known = saved.card["contract"]
    assert (min(known["low"]), max(known["high"])) == (0.0, 1.0)
    assert len(known["example"]["input"]) == 64 and len(known["example"]["output"]) == 10
    back = Saved.from_bytes(saved.to_bytes())
    assert back.card["contract"] == known
    raw = datasets.load_digits().data
    assert strangers(saved.card, torch.from_numpy(raw / 16)) == []
    np.savetxt(home / "digits.csv", raw, delimiter=",", header=",".join(f"p{i}" for i in range(64)), comments="")
    (home / "network.pt").write_bytes(export(saved, "pytorch"))
    predict(home / "network.pt", home / "digits.csv")
    said = capsys.readouterr()
    assert "feature 1: 0 to 8, but the network was trained on 0 to 0.4375: another scale?" in said.err
    assert "and 1,777 more" in said.out


def test_what_is_wrong_with_a_file_is_one_line(home: Path) -> None:
    frame("wine").to_csv(home / "wine.csv", index=False)
    (home / "n.pt").write_bytes(
        export(trained({"name": "wine.csv"}, {"name": "mlp", "widths": [8]}, epochs=3), "pytorch")
    )
    frame("wine").drop(columns="ash").to_csv(home / "less.csv", index=False)
    frame("wine").assign(ash="a").to_csv(home / "words.csv", index=False)
    for name, said in (
        ("less.csv", "but there is no ash"),
        ("words.csv", "features must be numbers, got ash"),
        ("none.csv", "there is no such file or folder"),
        (".", "expected a CSV or Parquet file with the 13 numbers of a row"),
    ):
        with pytest.raises(StudyError, match=said) as refused:
            predict(home / "n.pt", home / name)
        assert "\n" not in str(refused.value)


def test_a_wrong_example_is_noticed(home: Path) -> None:
    saved = trained({"name": "digits", "limit": 300}, {"name": "mlp", "widths": [8]}, epochs=3)
    saved.card["contract"]["example"]["output"][0] += 1
    (home / "n.pt").write_bytes(export(saved, "pytorch"))
    with pytest.raises(StudyError, match="expected the stored output for the stored example"):
        check_example(load(home / "n.pt"), "n.pt")
