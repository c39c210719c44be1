"""Lanes as values: what a lane is between two epochs, taken out of a stack and put into another one.

Every draw is a function of the lane's own seeds and of the step, and every tensor operation acts within a lane. So a
lane that goes from stack to stack, or is put into several, has the numbers of one that stayed: those of a stack's
`Stack.state_dict`, cut along the lane axis. Nothing here knows what is in that state but for what lanes share.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from trainables.errors import StudyError
from trainables.sealed import seal, unseal
from trainables.training.stack import Stack

_VERSION = 1


@dataclass(frozen=True)
class LaneState:
    """A lane between two epochs. Stacks of the same problem, method and recipe can go on with it.

    Args:
        epoch: how many it has behind it.
        seed, data_seed: of its trial; whoever goes on with it has the same.
        state: as `Stack.state_dict`, of a stack with this lane alone, without what follows from its knobs.
            ``train_seconds`` is its share.
    """

    epoch: int
    seed: int
    data_seed: int
    state: dict[str, Any]

    def since(self, epoch: int) -> LaneState:
        """The same for one that goes on where another one counts the time of the first so many epochs."""
        counted = self.state["history"][epoch - 1]["seconds"]
        history = [{**entry, "seconds": max(0.0, entry["seconds"] - counted)} for entry in self.state["history"]]
        seconds = max(0.0, self.state["train_seconds"] - counted)
        return replace(self, state={**self.state, "train_seconds": seconds, "history": history})

    def encode(self) -> bytes:
        """Safetensors with a checksum. The same state gives the same bytes."""
        tensors: dict[str, Tensor] = {}
        numbers = {name: getattr(self, name) for name in ("epoch", "seed", "data_seed")}
        spelled = _spell(self.state, "state", tensors)
        metadata = {"version": str(_VERSION), "lane": json.dumps({**numbers, "state": spelled})}
        return seal(save_safetensors(tensors), metadata)

    @classmethod
    def decode(cls, data: bytes, device: torch.device | str = "cpu") -> LaneState:
        """What `encode` gave.

        Raises:
            StudyError: it is torn, changed, no lane, or one of another version.
        """
        try:
            metadata = unseal(data)
        except Exception as error:
            raise StudyError(f"expected the state of a lane: {error}") from error
        if metadata.get("version") != str(_VERSION) or "lane" not in metadata:
            raise StudyError(f"expected the state of a lane, version {_VERSION}, but got {sorted(metadata)}")
        lane = json.loads(metadata["lane"])
        tensors = {name: tensor.to(device) for name, tensor in load_safetensors(data).items()}
        return cls(lane["epoch"], lane["seed"], lane["data_seed"], _read(lane["state"], tensors))


def take(stack: Stack) -> list[LaneState]:
    """The lanes of a stack, which may train on: copies."""
    state, lanes = stack.state_dict(), len(stack.trials)
    found = []
    for index, trial in enumerate(stack.trials):
        own: dict[str, Any] = _part(state, index)
        own["failures"] = [state["failures"][index]]
        own["train_seconds"] = state["train_seconds"] / lanes
        own["history"] = [
            {name: value if name != "seconds" else value / lanes for name, value in _lane_of(entry, index).items()}
            for entry in state["history"]
        ]
        own["state"] = {name: value for name, value in own["state"].items() if name not in stack.method.constant}
        # Those of a parameter without zeros are there for other lanes.
        own["masks"] = {name: mask for name, mask in own["masks"].items() if not bool(mask.all())}
        found.append(LaneState(stack.epoch, trial.seed, trial.data_seed, own))
    return found


def put(stack: Stack, lanes: Sequence[LaneState]) -> None:
    """Has the lanes of a new stack go on from these states, one for each of its trials, in their order.

    Raises:
        ValueError: the states are not of one epoch, not as many as the stack has trials, or of other seeds.
    """
    if len(lanes) != len(stack.trials) or len({lane.epoch for lane in lanes}) != 1:
        found = sorted({lane.epoch for lane in lanes})
        raise ValueError(f"expected {len(stack.trials)} lanes of one epoch, but got {len(lanes)} of epochs {found}")
    for trial, lane in zip(stack.trials, lanes, strict=True):
        if (trial.seed, trial.data_seed) != (lane.seed, lane.data_seed):
            raise ValueError(
                f"{trial.trial} has the seeds {trial.seed} and {trial.data_seed}, "
                f"but got a lane with {lane.seed} and {lane.data_seed}"
            )
    stack.prepare(lanes[0].epoch)
    states = [lane.state for lane in lanes]
    merged: dict[str, Any] = {
        name: _join([state[name] for state in states])
        for name in states[0]
        if name not in ("masks", "failures", "history", "train_seconds")
    }
    if not merged["settled"]:
        merged["state"] |= {name: value for name, value in stack.state.items() if name in stack.method.constant}
    merged["masks"] = _masks([state["masks"] for state in states], merged["params"])
    merged["failures"] = [state["failures"][0] for state in states]
    merged["train_seconds"] = sum(state["train_seconds"] for state in states)
    merged["history"] = [_entry(list(entries)) for entries in zip(*(s["history"] for s in states), strict=True)]
    for name in ("untrained_loss", "val_loss"):
        if merged[name] is not None:
            merged[name] = merged[name].to(stack.device)
    stack.load_state_dict(merged)


def _lane_of(entry: dict[str, Any], lane: int) -> dict[str, Any]:
    """A lane's part of an epoch's record, ``seconds`` as a number."""
    own: dict[str, Any] = _part(entry, lane)
    return own | {"seconds": float(entry["seconds"])}


def _entry(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """The record of an epoch for a stack: its lanes may have come to it in stacks of their own."""
    return {
        name: sum(entry[name] for entry in entries) if name == "seconds" else _join([e[name] for e in entries])
        for name in entries[0]
    }


def _masks(masks: Sequence[dict[str, Tensor]], params: dict[str, Tensor]) -> dict[str, Tensor]:
    """Together: a lane without zeros in a parameter has ones there."""
    names = dict.fromkeys(name for own in masks for name in own)
    return {
        name: torch.cat([own.get(name, torch.ones_like(params[name][:1])).to(params[name]) for own in masks])
        for name in names
    }


def _part(value: Any, lane: int) -> Any:
    """A lane's part of the tree; a tensor without a lane axis, such as a count of steps, is shared."""
    if isinstance(value, Tensor):
        return value[lane : lane + 1].clone() if value.dim() else value.clone()
    if isinstance(value, dict):
        return {name: _part(entry, lane) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_part(entry, lane) for entry in value)
    return value


def _join(values: Sequence[Any]) -> Any:
    """The trees of several lanes as that of a stack; what has no lane axis has to be the same in all of them."""
    first = values[0]
    if isinstance(first, Tensor) and first.dim():
        return torch.cat(list(values))
    if isinstance(first, dict):
        assert all(value.keys() == first.keys() for value in values), "lanes of one method have the same state"
        return {name: _join([value[name] for value in values]) for name in first}
    if isinstance(first, list | tuple):
        return type(first)(_join(list(entries)) for entries in zip(*values, strict=True))
    assert all(bool(value == first) for value in values), f"lanes of one epoch share {first!r}, but got {values!r}"
    return first


# -- as bytes ----------------------------------------------------------------------------------------------------

_TENSOR, _MAPPING, _LIST, _TUPLE = "tensor", "mapping", "list", "tuple"
_FEW = 64
"""Numbers up to which a tensor is written among the plain values: there are thousands of them in a history."""


def _spell(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """The tree as JSON, with its larger tensors in ``tensors``. Floats are written so that they come back equal."""
    if isinstance(value, Tensor):
        kind = str(value.dtype).removeprefix("torch.")
        if value.numel() <= _FEW and kind in _PLAIN:
            return {_TENSOR: [kind, value.cpu().tolist()], "shape": list(value.shape)}
        tensors[path] = value.cpu().contiguous()
        return {_TENSOR: path}
    if isinstance(value, dict):
        return {_MAPPING: [[name, _spell(entry, f"{path}/{name}", tensors)] for name, entry in value.items()]}
    if isinstance(value, list | tuple):
        kind = _LIST if isinstance(value, list) else _TUPLE
        return {kind: [_spell(entry, f"{path}/{index}", tensors) for index, entry in enumerate(value)]}
    return value


_PLAIN = {"float32": torch.float32, "float64": torch.float64, "int32": torch.int32, "int64": torch.int64} | {
    "bool": torch.bool
}


def _read(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The tree that `_spell` wrote. Small tensors are on the CPU, as history has them; `Stack` copies the others."""
    if not isinstance(value, dict):
        return value
    if _TENSOR in value:
        what = value[_TENSOR]
        if isinstance(what, str):
            return tensors[what]
        kind, numbers = what
        return torch.tensor(numbers, dtype=_PLAIN[kind]).reshape(value["shape"])
    if _MAPPING in value:
        return {name: _read(entry, tensors) for name, entry in value[_MAPPING]}
    entries = [_read(entry, tensors) for entry in value[_LIST if _LIST in value else _TUPLE]]
    return entries if _LIST in value else tuple(entries)
