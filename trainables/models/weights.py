"""Weights that all trials start from: a file's tensors, fitted to a network by their names.

Read are safetensors, what torch.save wrote of a state dict, and a directory in Hugging Face's layout, in shards or not.
The file's names may lack prefixes of the network's, or have others: a base model's file serves a classifier. The layer
that gives the network's output may be missing, or of another size where the classes differ: it is then a new one.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from trainables.errors import StudyError
from trainables.models.attention import parted
from trainables.models.outputs import Transposed

_NESTED = ("state_dict", "model_state_dict", "model", "module")
_PREFIXES = ("", "module.", "_orig_mod.", "model.", "network.")
"""That wrappers leave before names."""
_DEPTH = 3
"""Parts of a prefix of the network's own that a file's names may lack."""
_COUNTERS = "num_batches_tracked"


@dataclass(frozen=True)
class Weights:
    """What of a file fits a network."""

    tensors: dict[str, Tensor]
    """By the network's names."""
    new: tuple[str, ...]
    """The network's tensors that stay as they are initialised: its output layer's."""
    unused: int
    """Tensors of the file that the network has no place for."""

    @torch.no_grad()
    def put(self, network: nn.Module) -> None:
        own = network.state_dict()
        for name, tensor in self.tensors.items():
            own[name].copy_(tensor)


def fit_weights(network: nn.Module, path: str, output: Collection[str]) -> Weights:
    """The weights in the file, by the names of ``network``.

    Args:
        output: the parameters of its output layer, which may be missing.

    Raises:
        StudyError: there is no such file, or it is none of these, or of another network.
    """
    found = parted(read_weights(path))
    own = network.state_dict()
    turned = {name for name, module in network.named_modules() if isinstance(module, Transposed)}
    names = _matched(own, found)
    tensors: dict[str, Tensor] = {}
    new = []
    for name, tensor in own.items():
        given = found.get(names.get(name, ""))
        if given is not None and name.rpartition(".")[0] in turned and given.dim() == 2:
            given = given.T
        if given is not None and given.shape == tensor.shape:
            tensors[name] = given.to(tensor.dtype)
        elif name in output or (given is None and name.endswith(_COUNTERS)):
            new.append(name)
        else:
            got = "none" if given is None else f"{tuple(given.shape)}"
            nearest = f"; its names begin with {', '.join(list(found)[:3])}" if given is None else ""
            raise StudyError(f"weights: expected {path} to have {name} {tuple(tensor.shape)}, but got {got}{nearest}")
    return Weights(tensors, tuple(new), len(found) - len(tensors))


def _matched(own: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> dict[str, str]:
    """The file's name of each of the network's, with the change of prefix by which most are found."""
    best: dict[str, str] = {}
    for before in dict.fromkeys(_prefixes(own)):
        for stripped in _PREFIXES:
            renamed = {before + name.removeprefix(stripped): name for name in found if name.startswith(stripped)}
            here = {name: renamed[name] for name in own if name in renamed}
            if len(here) > len(best):
                best = here
    return best


def _prefixes(names: Collection[str]) -> Iterator[str]:
    """ "", "network.", "network.vit." and so on."""
    yield ""
    for depth in range(1, _DEPTH + 1):
        for name in names:
            parts = name.split(".")[:-1]
            if len(parts) >= depth:
                yield ".".join(parts[:depth]) + "."


def read_weights(path: str) -> dict[str, Tensor]:
    """The tensors of a file or of a directory in Hugging Face's layout, by their names there."""
    place = Path(path).expanduser()
    if place.is_dir():
        return _of_directory(place)
    if not place.is_file():
        raise StudyError(f"weights: expected a file or a directory with model.safetensors, but there is no {path}")
    try:
        if place.suffix == ".safetensors":
            loaded: dict[str, Tensor] = load_file(place)
            return loaded
        given: Any = torch.load(place, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, EOFError, KeyError, ValueError) as error:
        raise StudyError(f"weights: expected {path} to hold tensors, but {str(error).splitlines()[0]}") from error
    except Exception as error:
        if type(error).__name__ != "UnpicklingError":
            raise
        if not zipfile.is_zipfile(place):
            raise StudyError(f"weights: expected {path} to hold tensors, but torch cannot read it") from error
        raise StudyError(
            f"weights: {path} holds more than tensors, which would be run to be read; save network.state_dict()"
        ) from error
    while isinstance(given, Mapping) and (inner := next((k for k in _NESTED if isinstance(given.get(k), Mapping)), "")):
        given = given[inner]
    tensors = {name: tensor for name, tensor in given.items() if isinstance(tensor, Tensor)} if _named(given) else {}
    if not tensors:
        raise StudyError(f"weights: expected {path} to hold a state dict, tensors by their names, but it holds none")
    return tensors


def _named(given: Any) -> bool:
    return isinstance(given, Mapping) and all(isinstance(name, str) for name in given)


def _of_directory(place: Path) -> dict[str, Tensor]:
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (place / name).is_file():
            return read_weights(str(place / name))
        index = place / f"{name}.index.json"
        if index.is_file():
            return {key: tensor for shard in _shards(index) for key, tensor in read_weights(str(shard)).items()}
    raise StudyError(f"weights: expected model.safetensors or pytorch_model.bin in {place}, but got neither")


def _shards(index: Path) -> list[Path]:
    """The files that an index names, each once."""
    try:
        names = [*dict.fromkeys(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())]
    except (ValueError, KeyError, TypeError, AttributeError):
        names = []
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise StudyError(f"weights: expected {index} to name files beside it, by tensor")
    return [index.parent / name for name in names]
