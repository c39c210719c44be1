"""The steps of training, from one change of what trains to the next: gradients, the optimiser, what the method adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from trainables.methods import Clock, Knobs, Method, State
from trainables.tasks import Loss
from trainables.training.batches import Batch, BatchLosses
from trainables.training.distil import Distilled, Targets, Teacher
from trainables.training.lanewise import Measure
from trainables.training.networks import Networks
from trainables.training.optim import LaneOptimizer
from trainables.training.replay import Recorder, Replayed


@dataclass
class Steps:
    """Of all lanes together. Tensors change in their places."""

    working: Networks
    method: Method
    knobs: Knobs
    state: State
    extra_optimizer: LaneOptimizer | None
    """Of the method's own tensors, where it has some."""
    loss: Loss | Distilled
    losses: Measure
    """The same, of all lanes' networks."""
    shared: bool
    """Whether all lanes have the same inputs."""
    teacher: Teacher | None = None
    """Whose answers the loss has beside the labels."""
    replayed: Replayed | None = field(default=None, init=False)
    """What takes them, where they can be replayed."""

    def replay(self, record: Recorder) -> None:
        """From the second step of an epoch on they are replayed as ``record`` has them, where that can be."""
        self.replayed = Replayed(self.take, self.places, record)

    def epoch(self, clock: Clock) -> Callable[[Batch, Clock], Tensor]:
        """What takes the steps of an epoch that begins, each of a batch and the clock: the losses (P,)."""
        optimizers = [self.working.optimizer, *([self.extra_optimizer] if self.extra_optimizer else [])]
        rates = partial(self.method.extra_lr, self.knobs) if self.extra_optimizer else None
        replayed = self.replayed
        if replayed is None:
            return lambda batch, now: self.take(batch, now, rates(now) if rates else None)
        replayed.begin(clock, rates)
        for optimizer in optimizers:
            optimizer.forget_rates()
        return lambda batch, now: (replayed.eagerly if now.step == clock.step else replayed)(batch, now)

    def take(self, batch: Batch, clock: Clock, extra_lr: Tensor | None) -> Tensor:
        """One step; the losses (P,). ``extra_lr``: (P,), of the method's own tensors."""
        working, method, target = self.working, self.method, batch.y
        with_answers: Tensor | Targets = target
        if self.teacher is not None:
            with_answers = target, self.teacher.answers(batch.x, self.shared)
        losses = BatchLosses(working, self.losses, self.loss, self.shared, batch.x, with_answers)
        noise = dict(batch.noise)
        gradients, loss = method.gradients(losses, working.params, self.state, self.knobs, noise, clock)
        with torch.no_grad():
            working.optimizer.step(gradients, clock.lr)
            if self.extra_optimizer is not None and extra_lr is not None:
                self.extra_optimizer.step(gradients, extra_lr)
            method.after_step(working.params, self.state, self.knobs, clock)
            working.hold()
        return loss

    def places(self) -> dict[str, Tensor]:
        """All tensors that a step changes, by names of their own."""
        working = self.working
        extra = self.extra_optimizer.memory if self.extra_optimizer is not None else {}
        parts = {
            "params": working.params,
            "buffers": working.buffers,
            "state": self.state,
            "optimizer": working.optimizer.memory,
            "extra": extra,
        }
        return {f"{kind} {name}": tensor for kind, tensors in parts.items() for name, tensor in tensors.items()}
