"""The knobs of P trials, as the hooks of a method have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.declarations import LR, Declaration, Settings, Value

Lane = Mapping[str, Value | list[float]]


@dataclass(frozen=True)
class Knobs:
    """Numbers as tensors with the lane axis in front; choices by name. Made once for a stack, and never changed.

    What the hooks have to know of all lanes together, such as whether any takes proximal steps, is asked of the plain
    values: nothing waits for the device.
    """

    lanes: tuple[Lane, ...] = ()
    """Each trial's values by knob, plain; a list for a knob that differs by layer."""
    numbers: Mapping[str, Tensor] | None = None
    """(P,) float32, or (P, layers) for a knob that differs by layer; the other knobs are choices."""
    masks: Mapping[tuple[str, str], Tensor] | None = None
    """(P,) bool by knob and choice."""

    def __getitem__(self, name: str) -> Tensor:
        """The numbers of a knob, (P,) or (P, layers)."""
        return (self.numbers or {})[name]

    def chosen(self, name: str, choice: str) -> Tensor:
        """(P,) bool: the lanes that have this choice."""
        return (self.masks or {})[name, choice]

    def some(self, name: str, choice: str) -> bool:
        """Whether any lane has this choice."""
        return any(lane[name] == choice for lane in self.lanes)

    def every(self, name: str, choice: str) -> bool:
        """Whether all lanes have this choice."""
        return all(lane[name] == choice for lane in self.lanes)

    def pick(self, name: str, by_choice: Mapping[str, Tensor]) -> Tensor:
        """(P, ...): for each lane the tensor that belongs to its choice."""
        return torch.stack([by_choice[str(lane[name])] for lane in self.lanes])

    def plain(self, name: str) -> list[float]:
        """Each lane's number, of a knob that is the same for all layers."""
        values = [lane[name] for lane in self.lanes]
        return [float(value) for value in values if not isinstance(value, list)]


def stack_knobs(
    declaration: Declaration, trials: Sequence[Settings], layers: int, device: torch.device | str = "cpu"
) -> Knobs:
    """Flat parameters of P trials -> their knobs.

    Args:
        layers: of the network, those with a value of their own in a knob that differs by layer.

    Raises:
        StudyError: a parameter the method does not know, a value outside its bounds or choices.
    """
    for parameters in trials:
        declaration.refuse_unknown(parameters, layers)
    knobs = declaration.knobs
    lanes = tuple(
        {
            knob.name: knob.by_layer(parameters, layers)
            if knob.per_layer
            else knob.check(knob.name, parameters.get(knob.name, knob.default))
            for knob in knobs
        }
        for parameters in trials
    )
    numbers = {
        knob.name: torch.tensor([lane[knob.name] for lane in lanes], dtype=torch.float32, device=device)
        for knob in knobs
        if not knob.choices
    }
    masks = {
        (knob.name, choice): torch.tensor([lane[knob.name] == choice for lane in lanes], device=device)
        for knob in knobs
        for choice in knob.choices
    }
    return Knobs(lanes, numbers, masks)


def stack_lr(trials: Sequence[Settings], default: float, device: torch.device | str = "cpu") -> Tensor:
    """(P,) learning rates, ``lr`` of the flat parameters.

    Raises:
        StudyError: a learning rate that is no number, or not above zero.
    """
    values = [float(LR.check("lr", parameters.get("lr", default))) for parameters in trials]
    return torch.tensor(values, dtype=torch.float32, device=device)
