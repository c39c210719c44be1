"""The Method contract: what a sparsity method may add to training, as pure functions on stacked tensors.

A method is written once for all lanes. Its numbers are knobs: tensors with the lane axis P in front, so that the trials
of a pack may differ in every one of them. Each hook has a default that does nothing; `dense` is all of them.

Shapes: ``params[name]`` is (P, *shape), and whatever a hook computes for a lane is a function of that lane's entries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from trainables.declarations import Declaration
from trainables.groups import Alive, Graph, Layer, liveness
from trainables.methods.knobs import Knobs

Params = dict[str, Tensor]
State = dict[str, Tensor]


class Losses:
    """Parameters that the networks compute with -> (P,) losses of the batch, ``function`` of them."""

    def __init__(self, function: Callable[[Params], Tensor]) -> None:
        self._function = function

    def __call__(self, params: Params) -> Tensor:
        return self._function(params)

    def gradients(self, params: Params) -> tuple[Params, Tensor]:
        """Their gradients by the parameters, each a tensor of its own that may be changed, and the losses (P,).

        To be used up before it is called again: the next gradients may be written where these are.
        """
        found, losses = gradients(lambda p: (self(p),) * 2, params)
        return {name: tensor.clone() for name, tensor in found.items()}, losses


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
    factor: Callable[[int], float] = lambda epoch: 1.0
    """Factor of the learning rate's schedule in an epoch."""
    groups: tuple[str, ...] = ()
    """Kinds of groups that the method acts on beside those of its paper."""


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
    """Base of all methods; every hook may be overridden, none has to be, and as it is it trains densely.

    A method keeps nothing between hooks but what is in ``state``, and what follows from its knobs. Hooks that are to
    change something do so in place, without gradients.
    """

    declaration: ClassVar[Declaration]
    recorded: ClassVar[tuple[str, ...]] = ()
    """Names of (P,) numbers in the state that the curves keep of each epoch, in columns `state_NAME`."""
    constant: ClassVar[tuple[str, ...]] = ()
    """Names of what `init` makes of knobs and seeds and training leaves as it is. A lane that goes on in another stack
    has that stack's; which of them are there may depend on the lanes beside it."""

    prunes_at_end: ClassVar[bool] = False
    """Whether `finish` removes weights or units that were in the network until then, so that rows tell its scores
    without, too (`unpruned_val_accuracy` and so on): what papers call "no prune"."""

    def __init__(self, graph: Graph, setting: Setting) -> None:
        self.graph = graph
        self.setting = setting

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers the method regularises; per-layer knobs have one entry for each."""
        return tuple(members[0] for members in self.sets)

    @property
    def sets(self) -> tuple[tuple[Layer, ...], ...]:
        """The sets of layers whose groups the method regularises, `Graph.sets`; ``layers`` has the first of each."""
        return self.graph.sets

    @cached_property
    def added(self) -> tuple[tuple[Layer, ...], ...]:
        """The sets of the kinds that a study adds to those of the method's paper (`Declaration.extends`)."""
        return tuple(m for m in self.graph.sets if m[0].hidden and m[0].what in self.setting.groups)

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

    def penalty(self, params: Params, state: State, knobs: Knobs) -> Tensor | None:
        """(P,), added to the losses and differentiated with them, or None where there is none."""
        return None

    def gradients(
        self,
        losses: Losses,
        params: Params,
        state: State,
        knobs: Knobs,
        noise: dict[str, Tensor],
        clock: Clock,
    ) -> tuple[Params, Tensor]:
        """The gradients of ``params`` and the (P,) losses without the penalty."""
        found, data = losses.gradients(params)
        for name, gradient in self.penalty_gradients(params, state, knobs).items():
            found[name].add_(gradient)
        return found, data

    def penalty_gradients(self, params: Params, state: State, knobs: Knobs) -> Params:
        """Those of `penalty` by the parameters that it is of; to be written out where autograd is too slow."""
        if type(self).penalty is Method.penalty:
            return {}
        leaves = {name: tensor.detach().requires_grad_() for name, tensor in params.items()}
        with torch.enable_grad():
            penalty = self.penalty(leaves, state, knobs)
            if penalty is None:
                return {}
            found = torch.autograd.grad(penalty.sum(), list(leaves.values()), allow_unused=True)
        return {name: gradient for name, gradient in zip(leaves, found, strict=True) if gradient is not None}

    def after_step(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        """After the optimiser's step, e.g. a proximal step; in place."""

    def after_epoch(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        """After the last step of an epoch; in place."""

    def finish(self, params: Params, state: State, knobs: Knobs) -> None:
        """When the method's epochs are over, before the pattern is frozen, e.g. a threshold; in place."""

    def deployed(self, params: Params, state: State, knobs: Knobs) -> Params:
        """The stacked tensors of the networks as they are evaluated: gates applied, extra tensors gone."""
        return params

    def ended_now(self, params: Params, state: State, knobs: Knobs) -> Params:
        """The stacked tensors of the networks that would be deployed if the method's epochs were over; a copy."""
        params, state = ({n: t.clone() for n, t in tensors.items()} for tensors in (params, state))
        self.finish(params, state, knobs)
        return self.deployed(params, state, knobs)

    def judged(self, knobs: Knobs, epochs: int) -> Tensor | None:
        """(P,) bool: whether a trial's scores and counts after so many epochs tell how it will end. None: all do."""
        return None

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
