"""A compact network as bytes: safetensors with a card in their header that says what the tensors belong to, sealed.

The architecture is the model's name and options, and which units stay: the network is built whole, cut to
these, and the tensors put in place. So any model can be read back that can be imported, a user's own too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from trainables import models
from trainables.data import Dataset
from trainables.errors import StudyError
from trainables.groups import Alive, Graph, cut, everything, trace
from trainables.problem import Problem
from trainables.sealed import seal, unseal
from trainables.tasks import TASKS

Card = dict[str, Any]
"""JSON: what a network is (`card`), and whatever else is known of it."""

SCHEMA = 1
_MOST = 2**31
"""Inputs times outputs, and parameters of the whole network: a card must not make us fill the memory."""
_NUMBERS = (int, float)
_KEY = "card"


@dataclass(frozen=True)
class Saved:
    """A network in eval mode, and its card."""

    module: nn.Module
    card: Card

    def to_bytes(self) -> bytes:
        tensors = {name: tensor.detach().cpu().clone() for name, tensor in self.module.state_dict().items()}
        return seal(save(tensors), {_KEY: json.dumps(self.card, allow_nan=False)})

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "the file") -> Saved:
        """Raises ValueError where ``data`` (called ``name`` then) is not what `to_bytes` wrote."""
        try:
            metadata = unseal(data)
        except SafetensorError as error:
            raise StudyError(f"expected {name} to be safetensors, but {error}") from error
        except ValueError as error:
            raise StudyError(f"{name} is damaged, or was not written by a study: {error}") from error
        if _KEY not in metadata:
            raise StudyError(f"expected {name} to have a card in its header; it was not written by a study")
        found = checked(metadata[_KEY], name)
        return cls(rebuild(found, load(data)), found)


def card(problem: Problem, dataset: Dataset, alive: Alive) -> Card:
    """The card of the compact network that keeps the one lane of ``alive``: architecture and preprocessing."""
    units = {layer: mask[0] for layer, mask in alive.units.items()}
    return {
        "schema": SCHEMA,
        "model": {"name": problem.model, **problem.model_options},
        "input_shape": list(dataset.input_shape),
        "outputs": dataset.outputs,
        "alive": {
            "inputs": _indices(alive.inputs[0]),
            "units": {layer: _indices(mask) for layer, mask in units.items() if not bool(mask.all())},
        },
        "task": dataset.task,
        "data_set": dataset.name,
        "classes": list(dataset.classes),
        "preprocessing": {
            "raw": str(dataset.train.x.dtype).removeprefix("torch."),
            "mean": dataset.mean.tolist(),
            "std": dataset.std.tolist(),
            "target_mean": float(dataset.target_mean),
            "target_std": float(dataset.target_std),
        },
    }


def checked(text: str, name: str) -> Card:
    """The card in a file called ``name``. Raises ValueError where it is none, or of a newer version of this library."""
    try:
        found = json.loads(text)
        if found["schema"] > SCHEMA:
            raise StudyError(f"{name} has schema {found['schema']}, but this version of study reads up to {SCHEMA}")
        fault = _fault(found)
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError, RecursionError) as error:
        fault = f"{type(error).__name__}: {error}"
    if fault:
        raise StudyError(f"the card of {name} is not one that a study writes: {fault}")
    return cast(Card, found)


def _fault(card: Card) -> str:
    """What is wrong with a card, in words; empty if nothing is."""
    shape, about = card["input_shape"], card["preprocessing"]
    sizes = [*shape, card["outputs"]]
    if not all(isinstance(size, int) and 0 < size < _MOST for size in sizes) or math.prod(sizes) > _MOST:
        return f"inputs of {shape} and {card['outputs']} outputs"
    if not isinstance(card["model"]["name"], str) or set(card["alive"]) != {"inputs", "units"}:
        return "no name of a model, or of its units"
    if card["task"] not in TASKS or about["raw"] not in ("uint8", "float32"):
        return f"task {card['task']!r} on {about['raw']!r}"
    numbers = [about["mean"], about["std"], about["target_mean"], about["target_std"]]
    return "" if all(isinstance(number, _NUMBERS) for number in _flat(numbers)) else "no numbers to prepare inputs with"


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        yield from _flat(value) if isinstance(value, list) else (value,)


def structure(card: Card) -> tuple[Graph, Alive]:
    """The whole network that a card's network was cut from, and which of its units stay."""
    graph = _graph(json.dumps({name: card[name] for name in ("model", "input_shape", "outputs")}))
    alive = everything(graph)
    kept = card["alive"]
    masks = dict(alive.units)
    for layer, indices in kept["units"].items():
        masks[layer] = _mask(indices, graph.layer(layer).units)
    return graph, Alive(masks, _mask(kept["inputs"], graph.input_features), {})


def dense(card: Card) -> nn.Module:
    """The whole network with the weights it is initialised with, in eval mode."""
    options = dict(card["model"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        name = options.pop("name")
        if name in models.MODELS:
            with torch.device("meta"):
                size = sum(w.numel() for w in models.build(name, *_ends(card), **options).parameters())
            if size > _MOST:
                raise StudyError(f"{card['model']} has {size:,} parameters, more than a study's network can have")
        return models.build(name, *_ends(card), **options).eval()


def _ends(card: Card) -> tuple[tuple[int, ...], int]:
    return tuple(card["input_shape"]), card["outputs"]


@torch.no_grad()
def rebuild(card: Card, tensors: Mapping[str, Tensor]) -> nn.Module:
    """The compact network of a card with these tensors.

    Raises:
        ValueError: they are those of another network; the model's code has changed, for example.
    """
    try:
        module = dense(card)
        graph, alive = structure(card)
        cut(module, graph, alive)
        give_biases(module, tensors)
        module.load_state_dict(dict(tensors))
    except (RuntimeError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise StudyError(f"the tensors do not fit the model {card['model']}: {error}") from error
    return module


def give_biases(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Makes room for biases that layers without one were given by folding."""
    known = module.state_dict()
    for name in tensors:
        path, _, last = name.rpartition(".")
        if name not in known and last == "bias":
            layer = module.get_submodule(path)
            layer.bias = nn.Parameter(torch.zeros_like(layer.get_parameter("weight").flatten(1)[:, 0]))


@lru_cache(maxsize=4)
def _graph(key: str) -> Graph:
    found = json.loads(key)
    return trace(dense(found), torch.zeros(1, *found["input_shape"]))


def _indices(mask: Tensor) -> list[int] | None:
    """The kept ones; None where all are."""
    return None if bool(mask.all()) else mask.nonzero().flatten().tolist()


def _mask(indices: list[int] | None, size: int) -> Tensor:
    """(1, size)."""
    if indices is None:
        return torch.ones(1, size, dtype=torch.bool)
    return torch.zeros(1, size, dtype=torch.bool).index_fill_(1, torch.tensor(indices, dtype=torch.int64), True)
