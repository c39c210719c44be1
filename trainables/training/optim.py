"""SGD, Adam and AdamW over stacked tensors, with a learning rate for every lane."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from trainables.training.flat import Flat

_MOMENTS = {"sgd": ("momentum_buffer",), "adam": ("exp_avg", "exp_avg_sq"), "adamw": ("exp_avg", "exp_avg_sq")}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": 0.0, "dampening": 0.0, "nesterov": False, "weight_decay": 0.0},
    "adam": {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False},
    "adamw": {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01, "amsgrad": False},
}
"""Those of torch.optim, whose names and meaning all options have."""


class LaneOptimizer:
    """Steps stacked tensors (P, ...) with learning rates (P,), by the fused operations of torch.optim.

    The step is taken with lr = 1 and each lane then goes lr of the way: p <- p_old + lr * (p_new - p_old). Exact
    wherever the step is proportional to the learning rate: SGD with momentum, Adam, AdamW with its decoupled decay.

    The tensors are moved into one piece of memory for each type of number (`Flat.home_of`), where a step is a handful
    of operations however many they are. torch.optim itself would load a compiler that nothing here uses.

    Args:
        name: one of `trainables.recipe.OPTIMIZERS`.
        options: torch.optim's; what is not given has torch's default.
    """

    def __init__(self, tensors: Mapping[str, Tensor], name: str, **options: Any) -> None:
        self.tensors = dict(tensors)
        self.options = _DEFAULTS[name] | options
        own = _MOMENTS[name] + ("max_exp_avg_sq",) * bool(self.options.get("amsgrad"))
        self._moments = own if self.options.get("momentum", 1) else ()
        self.begun = False
        """Whether a step was taken."""
        groups: dict[torch.dtype, dict[str, Tensor]] = {}
        for key, tensor in self.tensors.items():
            groups.setdefault(tensor.dtype, {})[key] = tensor
        self._blocks = [_Block(group, name, self.options, self._moments) for group in groups.values()]
        self.gradients = {key: part for block in self._blocks for key, part in block.gradient.parts.items()}
        """By name, where `step` reads them: what is computed there need not be copied."""

    def step(self, gradients: Mapping[str, Tensor], lr: Tensor) -> None:
        """In place. ``gradients`` may hold more than the optimiser's own tensors."""
        for name, place in self.gradients.items():
            if gradients[name] is not place:
                place.copy_(gradients[name])
        for block in self._blocks:
            block.step(lr, first=not self.begun)
        self.begun = True

    def forget_rates(self) -> None:
        """The numbers in the tensor of learning rates have changed: the next step reads them again."""
        for block in self._blocks:
            block.forget_rates()

    @property
    def memory(self) -> dict[str, Tensor]:
        """All that a step changes beside the tensors themselves, by names of their own."""
        own = {f"{i}.steps": block.steps for i, block in enumerate(self._blocks)}
        return own | {f"{i}.{k}": m.whole for i, block in enumerate(self._blocks) for k, m in block.moments.items()}

    @property
    def moments(self) -> dict[str, dict[str, Tensor]]:
        """What is remembered of the steps so far: (P, *shape) by name of the tensor, by kind."""
        blocks = self._blocks
        return {
            kind: {n: t for block in blocks for n, t in block.moments[kind].parts.items()} for kind in self._moments
        }

    def go_on_as(self, other: LaneOptimizer) -> None:
        """Counts the steps that ``other``, of tensors of the same names, has taken as its own."""
        self.begun = other.begun
        for mine, theirs in zip(self._blocks, other._blocks, strict=True):
            mine.steps.copy_(theirs.steps)

    def state_dict(self) -> dict[str, Any]:
        """As torch.optim writes it: by the tensor's number, its moments with the lanes in front, and Adam's count."""
        if not self.begun:
            return {"state": {}}
        moments, counts = self.moments, "exp_avg" in self._moments
        of_block = {name: block.steps for block in self._blocks for name in block.gradient.parts}
        return {
            "state": {
                index: ({"step": of_block[name]} if counts else {}) | {kind: moments[kind][name] for kind in moments}
                for index, name in enumerate(self.tensors)
            }
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Copied: the tensors of ``state`` stay whose they are."""
        moments, saved = self.moments, state["state"]
        self.begun = bool(saved)
        for index, name in enumerate(self.tensors if self.begun else ()):
            for kind in moments:
                moments[kind][name].copy_(saved[index][kind])
        for block in self._blocks if self.begun else ():
            index = list(self.tensors).index(next(iter(block.gradient.parts)))
            block.steps.copy_(saved[index].get("step", block.steps))


class _Block:
    """What of an optimiser's tensors has one type, in one piece."""

    def __init__(
        self, tensors: Mapping[str, Tensor], name: str, options: Mapping[str, Any], moments: tuple[str, ...]
    ) -> None:
        self.values = Flat.home_of(tensors)
        self.gradient = Flat(tensors)
        lanes = len(next(iter(tensors.values())))
        self._rates = Flat(tensors) if lanes > 1 else None  # a lone lane's is one number
        self.moments = {kind: Flat(tensors) for kind in moments}
        self.steps = torch.zeros((), device=self.values.whole.device)
        self._before = torch.empty_like(self.values.whole)
        self._lr: Tensor | None = None
        self._name, self._options = name, options

    def step(self, lr: Tensor, first: bool) -> None:
        if self._rates is not None and lr is not self._lr:
            self._rates.fill_lanes(lr)
            self._lr = lr
        whole, rates = self.values.whole, lr if self._rates is None else self._rates.whole
        self._before.copy_(whole)
        self._whole_step(first)
        torch.lerp(self._before, whole, rates, out=whole)

    def forget_rates(self) -> None:
        self._lr = None

    def _whole_step(self, first: bool) -> None:
        """With lr = 1."""
        options, whole, gradient = self._options, list(self.values.parts.values()), list(self.gradient.parts.values())
        held = {kind: list(flat.parts.values()) for kind, flat in self.moments.items()}
        shared = {"lr": 1.0, "weight_decay": options["weight_decay"], "maximize": False}
        if self._name == "sgd":
            torch._fused_sgd_(
                whole,
                gradient,
                held.get("momentum_buffer", []),
                momentum=options["momentum"],
                dampening=options["dampening"],
                nesterov=options["nesterov"],
                is_first_step=first and bool(held),
                **shared,
            )
            return
        self.steps.add_(1)
        function = torch._fused_adam_ if self._name == "adam" else torch._fused_adamw_
        function(
            whole,
            gradient,
            held["exp_avg"],
            held["exp_avg_sq"],
            held.get("max_exp_avg_sq", []),
            [self.steps] * len(whole),
            amsgrad=options["amsgrad"],
            beta1=options["betas"][0],
            beta2=options["betas"][1],
            eps=options["eps"],
            **shared,
        )


def rate_factor(schedule: Mapping[str, Any], epoch: int, epochs: int) -> float:
    """What multiplies the learning rate in epoch 0 .. epochs - 1, by a schedule as `trainables.recipe` declares it.

    constant: 1. step: times gamma at each of ``milestones`` and every ``every`` epochs. cosine: from 1 down
    to ``final``, reached after the last epoch. ``warmup``: epochs of linear rise first.
    """
    warmup = schedule["warmup"]
    if epoch < warmup:
        return float((epoch + 1) / (warmup + 1))
    if schedule["name"] == "step":
        every = schedule["every"]
        drops = sum(epoch >= m for m in schedule["milestones"]) + (epoch // every if every else 0)
        return float(schedule["gamma"] ** drops)
    if schedule["name"] == "cosine":
        final, done = schedule["final"], (epoch - warmup) / max(1, epochs - warmup)
        return float(final + (1 - final) * 0.5 * (1 + math.cos(math.pi * done)))
    return 1.0
