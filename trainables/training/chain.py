"""Chains of linear layers and elementwise functions, computed for all lanes of a stack at once.

`torch.vmap` computes the same. Here the backward pass is written out: a product and nothing else for each gradient,
which lands where the optimiser reads it. That counts where networks are small.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

Slope = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Outputs (P, B, outputs) -> losses (P,) and their gradients by the outputs, in the outputs' shape."""

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
        x = _inputs(params, x, shared)
        for name, child in self._steps:
            if isinstance(child, nn.Linear):
                x = linear(x, params[f"{name}.weight"], params.get(f"{name}.bias"))
            else:
                x = child(x)
        return x

    @torch.no_grad()
    def gradients(
        self, params: Mapping[str, Tensor], x: Tensor, shared: bool, slope: Slope, places: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """The gradients of the losses by the parameters that the chain computes with, and the losses (P,).

        Args:
            params, x, shared: as when called.
            slope: of the losses.
            places: by name, where gradients are to be written; those without a place are new.
        """
        x = _inputs(params, x, shared)
        passed: list[Tensor] = []
        """What each step leaves for its own way back: ReLU its output, all others their input."""
        ours = False
        for name, child in self._steps:
            if isinstance(child, nn.Linear):
                passed.append(x)
                x = _affine(x, params[f"{name}.weight"], params.get(f"{name}.bias"))
            elif type(child) is nn.ReLU:
                x = x.relu_() if ours else x.relu()
                passed.append(x)
            else:
                passed.append(x)
                x = child(x.clone() if getattr(child, "inplace", False) else x)
            ours = isinstance(child, nn.Linear)  # what a layer has put out nobody else needs
        losses, slopes = slope(x)
        found: dict[str, Tensor] = {}
        first = next(i for i, (_, child) in enumerate(self._steps) if isinstance(child, nn.Linear))
        for index in range(len(self._steps) - 1, first - 1, -1):
            name, child = self._steps[index]
            if not isinstance(child, nn.Linear):
                slopes = _through(child, passed[index], slopes)
                continue
            weight, bias = f"{name}.weight", f"{name}.bias"
            _add(found, weight, places, torch.bmm, slopes.mT, passed[index])
            if bias in params:
                _add(found, bias, places, torch.sum, slopes, 1)
            if index > first:
                slopes = torch.bmm(slopes, params[weight])
        return found, losses


def _inputs(params: Mapping[str, Tensor], x: Tensor, shared: bool) -> Tensor:
    """(P, B, features)."""
    return x.flatten(1).expand(len(next(iter(params.values()))), -1, -1) if shared else x.flatten(2)


def _affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return torch.bmm(x, weight.mT) if bias is None else torch.baddbmm(bias.unsqueeze(1), x, weight.mT)


def _add(found: dict[str, Tensor], name: str, places: Mapping[str, Tensor], function: Any, *arguments: Any) -> None:
    """What ``function`` gives, into its place, or added to what is there already: a layer may be used twice."""
    if name in found:
        found[name] += function(*arguments)
    elif name in places:
        found[name] = function(*arguments, out=places[name])
    else:
        found[name] = function(*arguments)


def _through(child: nn.Module, passed: Tensor, slopes: Tensor) -> Tensor:
    """The gradient by an elementwise function's input, from that by its output."""
    if type(child) is nn.ReLU:
        return torch.ops.aten.threshold_backward(slopes, passed, 0)  # type: ignore[no-any-return]
    if type(child) is nn.Identity:
        return slopes
    with torch.enable_grad():
        leaf = passed.detach().requires_grad_()
        result = child(leaf.clone() if getattr(child, "inplace", False) else leaf)
        return torch.autograd.grad(result, leaf, slopes)[0]


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x W^T + b in every lane: (P, B, inputs), (P, outputs, inputs) and (P, outputs) -> (P, B, outputs)."""
    return _Linear.apply(x, weight, bias)  # type: ignore[no-any-return, no-untyped-call]  # torch does not type it


class _Linear(torch.autograd.Function):
    """Autograd's own rule makes the gradient of W^T, in W's place a strided view that an optimiser has to copy."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _affine(x, weight, bias)

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
