"""Norms that take all channels together, and narrow ones that compute the same without channels that are zero.

A LayerNorm's mean changes if channels go, though they are zero: it is then a mean over fewer numbers. A narrow norm
goes on dividing by the number of channels that there were. Modules are recognised by what they compute, not by their
names: LayerNorm in both layouts, GroupNorm of one group, RMSNorm as language models write it, GRN of ConvNeXt V2.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainables.groups.modules import is_layer, is_norm

FORMS = ("layer", "group", "rms", "response")
_EPS = ("eps", "variance_epsilon", "epsilon")
_USUAL = (1e-6, 1e-5, 1e-12)
_SCALE = 0.05
"""Of the numbers that a module is tried on: small ones tell one epsilon from another."""


@dataclass(frozen=True)
class Mixing:
    """What a norm computes.

    layer     (x - mean) / sqrt(var + eps), over the channels of a position.
    group     the same over channels and positions, a GroupNorm of one group.
    rms       x / sqrt(mean(x^2) + eps) over the channels of a position.
    response  x + x n / (mean(n) + eps), with n = ||x|| over the positions of a channel and its mean over the channels,
              whose second term alone is scaled (GRN; Woo et al. 2023).

    Each times ``weight``, plus ``bias``.
    """

    form: str
    axis: int
    """Of the channels: 1 or -1."""
    eps: float
    weight: str = ""
    """The parameter's name; empty where there is none."""
    bias: str = ""

    @property
    def silent(self) -> bool:
        """Whether a channel that arrives as zero leaves as zero where the parameters of that channel are zero."""
        return bool(self.weight) or self.form in ("rms", "response")

    def compute(self, x: Tensor, weight: Tensor | None, bias: Tensor | None, width: int) -> Tensor:
        """What the norm gives for x, some of its ``width`` channels, if the others are zero.

        Args:
            weight, bias: (channels of x,).
        """
        y: Tensor
        axis = self.axis % x.dim()
        shape = [1] * x.dim()
        shape[axis] = -1
        if self.form == "response":
            size: Tensor = torch.linalg.vector_norm(x, dim=[a for a in range(1, x.dim()) if a != axis], keepdim=True)
            y = x * (size / (size.sum(axis, keepdim=True) / width + self.eps))
        elif self.form == "rms":
            y = x * torch.rsqrt(x.square().sum(axis, keepdim=True) / width + self.eps)
        else:
            axes = list(range(1, x.dim())) if self.form == "group" else [axis]
            each = math.prod(x.shape[a] for a in axes) // x.shape[axis]
            mean = x.sum(axes, keepdim=True) / (width * each)
            y = x - mean
            gone = (width - x.shape[axis]) * each
            variance = (y.square().sum(axes, keepdim=True) + gone * mean.square()) / (width * each)
            y = y * torch.rsqrt(variance + self.eps)
        if weight is not None:
            y = y * weight.view(shape)
        if bias is not None:
            y = y + bias.view(shape)
        return x + y if self.form == "response" else y


class Narrow(nn.Module):
    """A norm over ``width`` channels of which only some are left, with the parameters of these."""

    def __init__(self, mixing: Mixing, width: int) -> None:
        super().__init__()
        self.mixing, self.width = mixing, width

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = (
            getattr(self, name).flatten() if name else None for name in (self.mixing.weight, self.mixing.bias)
        )
        return self.mixing.compute(x, weight, bias, self.width)

    def extra_repr(self) -> str:
        return f"{self.mixing.form}, {self.width} channels, eps={self.mixing.eps}"


def narrowed(module: nn.Module, mixing: Mixing, channels: Tensor) -> Narrow:
    """The norm without the channels that are not in the mask (channels,)."""
    small = Narrow(mixing, len(channels))
    for name in filter(None, (mixing.weight, mixing.bias)):
        old = module.get_parameter(name)
        left = old.index_select(axis_of(old), channels.nonzero().flatten().to(old.device))
        setattr(small, name, nn.Parameter(left.clone(), requires_grad=old.requires_grad))
    return small.train(module.training)


def axis_of(parameter: Tensor) -> int:
    """The axis along which the numbers of the channels lie, of a parameter with one for each."""
    return max(range(parameter.dim()), key=lambda axis: parameter.shape[axis])


def candidate(module: nn.Module) -> bool:
    """Whether it may be such a norm: a module without others in it, with one or two parameters of one size."""
    own = list(module.parameters(recurse=False))
    if not own or len(own) > 2 or any(True for _ in module.children()) or is_layer(module):
        return False
    if is_norm(module) and not (isinstance(module, nn.GroupNorm) and module.num_groups == 1):
        return False
    return all(p.numel() == max(p.shape, default=0) == own[0].numel() > 1 for p in own)


@torch.no_grad()
def recognised(module: nn.Module, shape: Sequence[int]) -> Mixing | None:
    """What a `candidate` computes of inputs of this shape; None where it is not known."""
    own = copy.deepcopy(module).eval().double()
    generator = torch.Generator().manual_seed(0)
    names = [name for name, _ in own.named_parameters()]
    for parameter in own.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    x = _SCALE * torch.randn(2, *shape[1:], generator=generator, dtype=torch.float64)
    try:
        expected = own(x)
    except Exception:  # A module of anyone's: it is left to be followed operation by operation.
        return None
    if not isinstance(expected, Tensor) or expected.shape != x.shape:
        return None
    for mixing in _possible(own, names, x.shape):
        weight, bias = (own.get_parameter(name).flatten() if name else None for name in (mixing.weight, mixing.bias))
        found = mixing.compute(x, weight, bias, x.shape[mixing.axis])
        if torch.allclose(found, expected.double(), rtol=1e-4, atol=1e-5):
            return mixing
    return None


def _possible(module: nn.Module, names: Sequence[str], shape: Sequence[int]) -> Iterator[Mixing]:
    numbers = [float(v) for name in _EPS if isinstance(v := getattr(module, name, None), float | int)] or _USUAL
    size = module.get_parameter(names[0]).numel()
    weight, bias = names[0], names[1] if len(names) > 1 else ""
    for axis in (-1, 1):
        for form in FORMS if len(shape) > axis % len(shape) and shape[axis] == size else ():
            if (form == "group" and axis != 1) or (form == "response" and len(shape) < 3):
                continue
            yield from (Mixing(form, axis, eps, weight, bias) for eps in numbers)
