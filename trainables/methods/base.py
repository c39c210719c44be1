"""The Method contract: what a sparsity method may add to training, as pure functions on stacked tensors.

A method is written once for all lanes. Its numbers are knobs: tensors with the lane axis P in front, so that the trials
of a pack may differ in every one of them. Each hook has a default that does nothing; `dense` is all of them.

Shapes: ``params[name]`` is (P, *shape), and whatever a hook computes for a lane is a function of that lane's entries.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import torch
from torch import Tensor

from trainables.errors import StudyError, not_one_of
from trainables.groups import Alive, Graph, Layer, liveness

Params = dict[str, Tensor]
State = dict[str, Tensor]
Knobs = dict[str, Tensor]
Parameters = Mapping[str, float | int | str | bool]
Losses = Callable[[Params], Tensor]
"""Effective parameters -> (P,) losses of the batch."""


@dataclass(frozen=True)
class Knob:
    """One setting of a method: a number or a choice per trial, or a number per trial and layer."""

    default: float | str
    doc: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    per_layer: bool = False
    prefix: str = ""
    """What the flat names of a per-layer knob begin with, where it is not the knob's own name."""

    def index(self, choice: str) -> int:
        return self.choices.index(choice)


_LR = Knob(1e-3, "learning rate", low=0.0)


@dataclass(frozen=True)
class Setting:
    """What a method may know of the run it is part of."""

    examples: int
    """Training examples, N."""
    steps_per_epoch: int
    epochs: int
    """Epochs in which the method is at work; polish epochs come after them."""
    total_epochs: int
    """All epochs."""


@dataclass(frozen=True)
class Clock:
    """Where training stands, handed to the hooks between steps."""

    epoch: int
    step: int
    lr: Tensor
    """(P,) learning rates in force."""
    factor: float = 1.0
    """Factor of the schedule, which ``lr`` has in it."""
    val_loss: Tensor | None = None
    """(P,) validation loss at the end of the epoch, where it was measured."""


class Method:
    """Base of all methods; every hook may be overridden, none has to be."""

    name: ClassVar[str]
    title: ClassVar[str]
    reference: ClassVar[str]
    knobs: ClassVar[dict[str, Knob]] = {}
    recorded: ClassVar[tuple[str, ...]] = ()
    """Names of (P,) numbers in the state that the curves keep of each epoch, in columns `state_NAME`."""

    def __init__(self, graph: Graph, setting: Setting) -> None:
        self.graph = graph
        self.setting = setting

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers the method regularises; per-layer knobs have one entry for each."""
        return tuple(layer for layer in self.graph.layers if not layer.tied)

    def init(self, params: Params, knobs: Knobs, seeds: Tensor) -> State:
        """State before the first step. ``seeds``: (P,)."""
        return {}

    def extra(self, params: Params, knobs: Knobs, seeds: Tensor) -> Params:
        """Trained tensors of the method's own, such as gate logits; they join ``params`` and are stepped by Adam."""
        return {}

    def extra_lr(self, knobs: Knobs, clock: Clock) -> Tensor:
        """(P,) learning rates of the extra tensors."""
        return clock.lr

    def start_epoch(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        """Before the first step of an epoch; in place."""

    def noise(self, state: State, seeds: Tensor, clock: Clock) -> dict[str, Tensor]:
        """The step's random numbers, (P, ...), from `trainables.math.uniform`."""
        return {}

    def effective(self, params: Params, state: State, noise: dict[str, Tensor]) -> Params:
        """The tensors the networks compute with in a training step, differentiable in ``params``."""
        return params

    def penalty(self, params: Params, state: State, knobs: Knobs) -> Tensor | None:
        """(P,), added to the losses and differentiated with them, or None where there is none."""
        return None

    def gradients(
        self, losses: Losses, params: Params, state: State, knobs: Knobs, noise: dict[str, Tensor]
    ) -> tuple[Params, Tensor]:
        """The gradients of ``params`` and the (P,) losses without the penalty."""

        def objective(p: Params) -> tuple[Tensor, Tensor]:
            data = losses(self.effective(p, state, noise))
            penalty = self.penalty(p, state, knobs)
            return (data if penalty is None else data + penalty), data

        return gradients(objective, params)

    def after_step(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        """After the optimiser's step, e.g. a proximal step; in place."""

    def after_epoch(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        """After the last step of an epoch; in place."""

    def finish(self, params: Params, state: State, knobs: Knobs) -> None:
        """When the method's epochs are over, before the pattern is frozen, e.g. a threshold; in place."""

    def deployed(self, params: Params, state: State, knobs: Knobs) -> Params:
        """The stacked tensors of the networks as they are evaluated: gates applied, extra tensors gone."""
        return params

    def gates(self, params: Params, state: State, knobs: Knobs) -> Tensor | None:
        """(P, gates): how likely each gate is to be open, those of all layers in a row; None where there are none."""
        return None

    def alive(self, params: Params, state: State, knobs: Knobs, buffers: Params) -> Alive:
        """{layer: (P, units) bool}: the units that the deployed network needs."""
        return liveness(self.graph, self.deployed(params, state, knobs), buffers)


def gradients(objective: Callable[[Params], tuple[Tensor, Tensor]], params: Params) -> tuple[Params, Tensor]:
    """Of every lane's objective by its own tensors.

    Lanes do not mix, so that the gradient of the sum over lanes is that of each.

    Args:
        objective: params -> (P,) to be differentiated, and (P,) to be handed through.
    """
    leaves = {name: tensor.detach().requires_grad_() for name, tensor in params.items()}
    with torch.enable_grad():
        objectives, values = objective(leaves)
        found = torch.autograd.grad(objectives.sum(), list(leaves.values()), materialize_grads=True)
    return dict(zip(leaves, found, strict=True)), values.detach()


def stack_knobs(
    method: type[Method], trials: Sequence[Parameters], layers: int, device: torch.device | str = "cpu"
) -> Knobs:
    """Flat parameters of P trials -> knobs with the lane axis in front.

    Numbers become (P,) float32, per-layer numbers (P, layers), choices (P,) int64 indices. A per-layer knob ``beta``
    is given as ``beta`` (all layers), ``beta_first`` and ``beta_rest``, or ``beta_1`` .. ``beta_L``; the more
    special wins.

    Raises:
        ValueError: a parameter the method does not know, a value outside its bounds or choices.
    """
    for parameters in trials:
        _refuse_unknown(method, parameters, layers)
    return {
        name: torch.tensor([_value(knob, name, p, layers) for p in trials], device=device)
        for name, knob in method.knobs.items()
    }


def stack_lr(trials: Sequence[Parameters], default: float, device: torch.device | str = "cpu") -> Tensor:
    """(P,) learning rates, ``lr`` of the flat parameters.

    Raises:
        ValueError: a learning rate that is no number, or negative.
    """
    return torch.tensor([_number(_LR, "lr", p.get("lr", default)) for p in trials], device=device)


def knows(method: type[Method], name: str) -> bool:
    """Whether flat parameters of some network may have this name; how many layers it has decides on the last ones."""
    prefix, _, layer = name.rpartition("_")
    per_layer = {knob.prefix or name for name, knob in method.knobs.items() if knob.per_layer}
    return name in _plain_names(method) or (prefix in per_layer and layer.isdecimal() and int(layer) > 0)


def _value(knob: Knob, name: str, parameters: Parameters, layers: int) -> Any:
    if knob.choices:
        return knob.index(_choice(knob, name, parameters.get(name, knob.default)))
    if not knob.per_layer:
        return _number(knob, name, parameters.get(name, knob.default))
    prefix = knob.prefix or name
    default = parameters.get(name, knob.default)
    values = []
    for layer in range(layers):
        group = f"{prefix}_first" if layer == 0 else f"{prefix}_rest"
        key = next((k for k in (f"{prefix}_{layer + 1}", group) if k in parameters), name)
        values.append(_number(knob, key, parameters.get(key, default)))
    return values


def _number(knob: Knob, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not knob.low <= float(value) <= knob.high:
        raise StudyError(f"{name}: expected a number in [{knob.low:g}, {knob.high:g}] but got {value!r}")
    return float(value)


def _choice(knob: Knob, name: str, value: Any) -> str:
    if value not in knob.choices:
        raise not_one_of(name, value, knob.choices)
    return str(value)


def _refuse_unknown(method: type[Method], parameters: Parameters, layers: int) -> None:
    valid = _plain_names(method)
    for name, knob in method.knobs.items():
        if knob.per_layer:
            valid += [f"{knob.prefix or name}_{layer + 1}" for layer in range(layers)]
    for name in parameters:
        if name not in valid:
            raise not_one_of(f"parameter of {method.name}", name, valid)


def _plain_names(method: type[Method]) -> list[str]:
    """The names of flat parameters that do not number a layer."""
    names = ["lr"]
    for name, knob in method.knobs.items():
        prefix = knob.prefix or name
        names += [name, f"{prefix}_first", f"{prefix}_rest"] if knob.per_layer else [name]
    return names
