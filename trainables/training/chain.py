"""Chains of linear layers and elementwise functions, computed for all lanes of a stack at once.

`torch.vmap` computes the same. Here the gradients of the weights come out of the product as they are stored, and
nothing is dispatched lane-wise, which counts where networks are small.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

ELEMENTWISE = (nn.Identity, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus, nn.Sigmoid, nn.Tanh)
"""What acts on a stack as on a lane. Softmax, for one, does not: it may count axes from the front."""


class Chain:
    """Called with the stacked parameters of an `nn.Sequential` and a batch. `of` makes one."""

    def __init__(self, steps: list[tuple[str, nn.Module]]) -> None:
        self._steps = steps

    @classmethod
    def of(cls, module: nn.Module, features: int) -> Chain | None:
        """The chain that ``module`` is, or None where it is anything else.

        Args:
            features: numbers in one example.
        """
        if type(module).forward is not nn.Sequential.forward or _hooked(module):
            return None
        names: dict[nn.Module, str] = {}
        steps = [(names.setdefault(child, name), child) for name, child in module._modules.items() if child is not None]
        while steps and _flattens(steps[0][1]):
            del steps[0]
        plain = all(type(child) in (nn.Linear, *ELEMENTWISE) and not _hooked(child) for _, child in steps)
        first = next((child for _, child in steps if isinstance(child, nn.Linear)), None)
        return cls(steps) if plain and first is not None and first.in_features == features else None

    def __call__(self, params: dict[str, Tensor], x: Tensor, shared: bool) -> Tensor:
        """(P, B, outputs).

        Args:
            params: (P, *shape) by name.
            x: (B, ...) if ``shared``, the same for all lanes, else (P, B, ...).
        """
        lanes = len(next(iter(params.values())))
        x = x.flatten(1).expand(lanes, -1, -1) if shared else x.flatten(2)
        for name, child in self._steps:
            if isinstance(child, nn.Linear):
                x = linear(x, params[f"{name}.weight"], params.get(f"{name}.bias"))
            else:
                x = child(x)
        return x


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x W^T + b in every lane: (P, B, inputs), (P, outputs, inputs) and (P, outputs) -> (P, B, outputs)."""
    return _Linear.apply(x, weight, bias)  # type: ignore[no-any-return, no-untyped-call]  # torch does not type it


class _Linear(torch.autograd.Function):
    """Autograd's own rule makes the gradient of W^T, in W's place a strided view that an optimiser has to copy."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return torch.bmm(x, weight.mT) if bias is None else torch.baddbmm(bias.unsqueeze(1), x, weight.mT)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        to_x, to_weight, to_bias = ctx.needs_input_grad
        return (
            torch.bmm(gradient, weight) if to_x else None,
            torch.bmm(gradient.mT, x) if to_weight else None,
            gradient.sum(1) if to_bias else None,
        )


def _flattens(module: nn.Module) -> bool:
    return type(module) is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1) and not _hooked(module)


def _hooked(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks or module._backward_hooks)
