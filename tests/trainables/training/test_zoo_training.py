"""Every model of the zoo trains an epoch on examples of the shape it was published for, as a pack does it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from trainables.data import Dataset, Split
from trainables.data.dataset import Task
from trainables.groups import trace
from trainables.models import MODELS, build
from trainables.problem import Problem

NARROW: dict[str, dict[str, Any]] = {
    "mlp": {},
    "convnet": {"channels": [3, 4]},
    "lenet300": {"widths": [6, 5]},
    "lenet5": {"channels": [3, 4], "hidden": 5},
    "lenet5_caffe": {"channels": [3, 4], "hidden": 5},
    "autoencoder": {"widths": [6, 4, 6]},
    "linear_regression": {},
    "moons_mlp": {},
    "dwork_cnn": {"channels": [3, 3, 2], "widths": [4, 3]},
    "resnet": {"widths": [2, 2, 2]},
    "resnet20": {"widths": [2, 2, 2]},
    "resnet32": {"widths": [2, 2, 2]},
    "resnet44": {"widths": [2, 2, 2]},
    "resnet56": {"widths": [2, 2, 2]},
    "resnet110": {"widths": [2, 2, 2]},
    "dec3": {"widths": [3, 3, 3]},
    "dec8": {"width": 4, "narrow": [3, 3, 3], "batch_norm": True},
    "bnet_c": {"channels": [2, 2]},
}
"""The published shapes and depths, few units: what could fail is how the layers fit, not how many units they have."""

TASKS: dict[str, Task] = {"autoencoder": "reconstruction", "linear_regression": "regression"}


def test_every_model_is_in_the_table() -> None:
    assert set(NARROW) == set(MODELS)


@pytest.mark.parametrize("name", NARROW)
def test_trains_an_epoch_on_its_data_shape(name: str, training: Any) -> None:
    spec, task = MODELS[name], TASKS.get(name, "classification")
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, *spec.input_shape, generator=generator)
    y = {
        "classification": torch.arange(4) % spec.outputs,
        "regression": torch.randn(4, spec.outputs, generator=generator),
        "reconstruction": x,
    }[task]
    split, one = Split(x, y), torch.ones(())
    classes = tuple(map(str, range(spec.outputs))) if task == "classification" else ()
    dataset = Dataset("made up", "", task, split, split, split, classes, 0 * one, one)
    assert dataset.outputs == spec.outputs
    network = build(name, spec.input_shape, spec.outputs, **NARROW[name]).eval()
    where = Problem((dataset,), (0,), name, NARROW[name], trace(network, x[:1]))
    recipe = training.recipe(epochs=1, polish=0, batch_size=2, optimizer={"name": "adam"}, lr=0.01)
    stack = training.stack("dense", training.trials([{}, {}]), recipe, where)
    before = {key: tensor.clone() for key, tensor in stack.params.items()}
    stack.train_epoch()
    assert stack.done and stack.failures == [None, None]
    (entry,) = stack.history
    assert entry["train_loss"].isfinite().all() and entry["val_loss"].isfinite().all()
    assert (entry["neurons"] > 0).all() or not where.graph.hidden
    learned = {key: p.requires_grad for key, p in network.named_parameters()}
    moved = {key: bool((tensor != before[key]).any()) for key, tensor in stack.params.items()}
    assert moved == {key: learned[key] for key in moved}
