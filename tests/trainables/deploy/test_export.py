"""A file of any format predicts what the trial's network does, and says what it is."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from trainables import models
from trainables.data import Dataset, Split
from trainables.deploy.export import SUFFIXES, evaluate, export, load
from trainables.deploy.saved import Saved, card
from trainables.groups import everything, trace
from trainables.problem import Problem, problem
from trainables.recipe import Recipe
from trainables.training.equivalence import network, outcomes
from trainables.training.stack import Stack, Trial

FLAT = {"name": "digits", "limit": 180}
IMAGES = {"name": "digits", "limit": 180, "image": True}


@dataclass(frozen=True, eq=False)
class Row:
    """A model on a data set, trained for an epoch or two and pruned by half."""

    name: str
    model: dict[str, Any]
    data: dict[str, Any]

    def __repr__(self) -> str:
        return self.name


FAMILIES = [
    Row("mlp", {"name": "mlp", "widths": [12, 8], "dropout": 0.1}, FLAT),
    Row("mlp-batch-norm", {"name": "mlp", "widths": [12, 8], "batch_norm": True, "activation": "softplus"}, FLAT),
    Row("convnet", {"name": "convnet", "channels": [4, 5], "batch_norm": True}, IMAGES),
    Row("resnet20", {"name": "resnet20", "widths": [3, 4, 5]}, IMAGES),
]
OTHER_TASKS = [
    Row("regression", {"name": "linear_regression"}, {"name": "sparse_regression"}),
    Row("reconstruction", {"name": "autoencoder", "widths": [8]}, {"name": "digits", "task": "reconstruction"}),
]


@dataclass(frozen=True)
class Trained:
    stack: Stack
    saved: Saved
    x: Tensor
    """Raw test examples."""
    outputs: Tensor
    """What the trial's network makes of them."""


@cache
def trained(row: Row) -> Trained:
    recipe = Recipe(epochs=2, polish=1, lr=0.003)
    trials = [Trial(f"t{i}", i, 0, {"sparsity": 0.5}) for i in range(2)]
    stack = Stack(problem(row.data, row.model, 0), "magnitude", recipe, trials, torch.device("cpu"))
    while not stack.done:
        stack.train_epoch()
    outcome = outcomes(stack)[1]
    assert outcome is not None and outcome.module is not None
    params = stack.method.deployed(stack.params, stack.state, stack.knobs) | stack.buffers
    whole = network(stack.problem.graph, {name: tensor[1] for name, tensor in params.items()})
    x = stack.problem.dataset.test.x[:50]
    with torch.no_grad():
        return Trained(stack, outcome.saved({"trial": "t1"}), x, whole(stack.problem.dataset.inputs(x)))


def written(row: Row, form: str, folder: Path) -> Path:
    file = folder / f"network{SUFFIXES[form]}"
    file.write_bytes(export(trained(row).saved, form))
    return file


@pytest.mark.parametrize("form", SUFFIXES)
@pytest.mark.parametrize("row", FAMILIES, ids=repr)
def test_a_loaded_export_predicts_what_the_trial_does(row: Row, form: str, tmp_path: Path) -> None:
    one = trained(row)
    back = load(written(row, form, tmp_path))
    assert back.card == one.saved.card
    with torch.no_grad():
        for x, expected in ((one.x, one.outputs), (one.x[:1], one.outputs[:1])):
            torch.testing.assert_close(back.predict(x), expected, atol=1e-4, rtol=1e-4)
    scores = evaluate(back, one.stack.problem.dataset, batch_size=16)
    expected_scores = {name: float(value[1]) for name, value in one.stack.scores("test").items()}
    assert scores.pop("examples") == len(one.stack.problem.dataset.test)
    assert scores == pytest.approx(expected_scores, rel=1e-4)


@pytest.mark.parametrize("row", OTHER_TASKS, ids=repr)
def test_outputs_of_other_tasks_are_in_the_units_of_the_data(row: Row, tmp_path: Path) -> None:
    one = trained(row)
    dataset = one.stack.problem.dataset
    back = load(written(row, "safetensors", tmp_path))
    with torch.no_grad():
        predicted = back.predict(one.x)
    if row.name == "regression":
        expected = one.outputs * dataset.target_std + dataset.target_mean
    else:
        pixels = 255.0 if not one.x.is_floating_point() else 1.0
        flat = one.outputs.view(len(one.x), *dataset.input_shape)
        expected = ((flat * dataset.std + dataset.mean) * pixels).flatten(1)
    torch.testing.assert_close(predicted, expected, atol=1e-4, rtol=1e-4)
    scores = evaluate(back, dataset)
    scores.pop("examples")
    expected_scores = {name: float(value[1]) for name, value in one.stack.scores("test").items()}
    assert scores == pytest.approx(expected_scores, rel=1e-3)


@cache
def pixels() -> tuple[Saved, Dataset]:
    """A network for colour pixels, normalised by channel."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (20, 3, 4, 4), dtype=torch.uint8, generator=generator)
    split = Split(x, torch.randint(0, 2, (20,), generator=generator))
    mean, std = torch.tensor([0.1, 0.2, 0.5]).view(3, 1, 1), torch.tensor([0.3, 0.7, 0.9]).view(3, 1, 1)
    dataset = Dataset("pixels", "", "classification", split, split, split, ("cat", "dog"), mean, std)
    options = {"widths": [5]}
    module = models.build("mlp", (3, 4, 4), 2, **options).eval()
    graph = trace(module, dataset.inputs(x[:1]))
    where = Problem((dataset,), (0,), "mlp", options, graph)
    return Saved(module, card(where, dataset, everything(graph))), dataset


@pytest.mark.parametrize("form", SUFFIXES)
def test_pixels_are_normalised_inside(form: str, tmp_path: Path) -> None:
    saved, dataset = pixels()
    file = tmp_path / f"network{SUFFIXES[form]}"
    file.write_bytes(export(saved, form))
    back = load(file)
    with torch.no_grad():
        expected = saved.module(dataset.inputs(dataset.test.x))
        torch.testing.assert_close(back.predict(dataset.test.x), expected, atol=1e-5, rtol=1e-5)
    accuracy = float((expected.argmax(1) == dataset.test.y).double().mean())
    assert evaluate(back, dataset)["accuracy"] == pytest.approx(accuracy)


def test_a_pt2_file_needs_nothing_of_ours(tmp_path: Path) -> None:
    row = FAMILIES[0]
    program = torch.export.load(written(row, "pt2", tmp_path))
    with torch.no_grad():
        found = program.module()(trained(row).x[:7])
    torch.testing.assert_close(found, trained(row).outputs[:7], atol=1e-4, rtol=1e-4)
    assert "trainables" not in {type(m).__module__.partition(".")[0] for m in program.module().modules()}


def test_exporting_leaves_the_network_alone() -> None:
    saved = trained(FAMILIES[0]).saved
    before = saved.to_bytes()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        export(saved, "onnx")
    assert not seen and saved.to_bytes() == before


def test_a_data_set_of_another_kind_is_refused(tmp_path: Path) -> None:
    back = load(written(FAMILIES[0], "safetensors", tmp_path))
    with pytest.raises(ValueError, match="for task classification, but sparse_regression has regression"):
        evaluate(back, trained(OTHER_TASKS[0]).stack.problem.dataset)
    with pytest.raises(ValueError, match="train, validation or test but got 'dev'"):
        evaluate(back, trained(FAMILIES[0]).stack.problem.dataset, "dev")


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in \.pt2, \.onnx, \.safetensors, \.pt but got 'network\.bin'"):
        load(tmp_path / "network.bin")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "network.onnx")
    torch.save({"state_dict": {}}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="not written by a study"):
        load(tmp_path / "other.pt")
    with pytest.raises(ValueError, match="expected one of pt2, onnx, safetensors, pytorch but got 'pickle'"):
        export(trained(FAMILIES[0]).saved, "pickle")


def test_what_onnx_needs_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "network.onnx").write_bytes(b"")
    for action in (lambda: export(trained(FAMILIES[0]).saved, "onnx"), lambda: load(tmp_path / "network.onnx")):
        with pytest.raises(ValueError, match=r"needs `pip install study\[onnx\]`"):
            action()
