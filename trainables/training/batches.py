"""What a step of training is given: a batch and the step's random numbers; and the losses that methods ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from trainables.methods import Losses, Params, gradients
from trainables.tasks import Loss
from trainables.training.distil import Distilled, Targets
from trainables.training.networks import Networks


@dataclass(frozen=True)
class Batch:
    """``x`` and ``y`` as `Feed` gives them, ``noise`` as `Method.noise` does."""

    x: Tensor
    y: Tensor
    noise: Mapping[str, Tensor]

    def copy(self) -> Batch:
        return Batch(self.x.clone(), self.y.clone(), {name: tensor.clone() for name, tensor in self.noise.items()})

    def fits(self, other: Batch) -> bool:
        """Whether ``other`` can take the place of this one."""
        ours, theirs = list(self._tensors()), list(other._tensors())
        return len(ours) == len(theirs) and all(a.shape == b.shape for a, b in zip(ours, theirs, strict=True))

    def fill(self, other: Batch) -> None:
        """Has the numbers of ``other`` in these tensors."""
        for mine, theirs in zip(self._tensors(), other._tensors(), strict=True):
            mine.copy_(theirs)

    def _tensors(self) -> Iterator[Tensor]:
        yield self.x
        yield self.y
        yield from (self.noise[name] for name in sorted(self.noise))


class BatchLosses(Losses):
    """Of the networks in training, for one batch.

    Args:
        losses: (params, buffers, x, y) -> (P,), of all lanes.
        loss: of outputs and targets, which ``losses`` computes with.
        shared: whether all lanes have the same ``x``.
        y: what the loss has for a target.
    """

    def __init__(
        self,
        working: Networks,
        losses: Callable[[Params, Params, Tensor, Any], Tensor],
        loss: Loss | Distilled,
        shared: bool,
        x: Tensor,
        y: Tensor | Targets,
    ) -> None:
        self._working, self._losses, self._loss, self._shared, self._x, self._y = working, losses, loss, shared, x, y

    def __call__(self, params: Params) -> Tensor:
        """A pass without gradients leaves batch norms' statistics alone: it may be there for other lanes only."""
        buffers = self._working.buffers
        if not torch.is_grad_enabled():
            buffers = {name: buffer.clone() for name, buffer in buffers.items()}
        return self._losses(params, buffers, self._x, self._y)

    def gradients(self, params: Params) -> tuple[Params, Tensor]:
        working = self._working
        places = working.optimizer.gradients
        if working.chain is None:
            found, losses = gradients(lambda p: (self(p),) * 2, params)
            return {n: places[n].copy_(t) if n in places else t.clone() for n, t in found.items()}, losses
        loss: Any = self._loss
        slope = partial(loss.gradient, target=self._y)
        found, losses = working.chain.gradients(params, self._x, self._shared, slope, places)
        return found | {name: torch.zeros_like(params[name]) for name in params.keys() - found.keys()}, losses
