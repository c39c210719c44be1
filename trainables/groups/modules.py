"""What structure needs to know of torch's modules."""

from __future__ import annotations

from typing import Any, TypeGuard

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.instancenorm import _InstanceNorm


def is_layer(module: object) -> TypeGuard[nn.Linear | _ConvNd]:
    """Whether it is a Linear or (not transposed) convolution that owns its weight."""
    kind = isinstance(module, nn.Linear | _ConvNd) and not isinstance(module, _ConvTransposeNd)
    return kind and isinstance(module, nn.Module) and module._parameters.get("weight") is not None


def is_norm(module: object) -> bool:
    """Whether it has numbers for every channel and keeps channels apart otherwise: norms, PReLU."""
    if isinstance(module, nn.PReLU):
        return module.num_parameters > 1
    return isinstance(module, _BatchNorm | _InstanceNorm | nn.GroupNorm)


def is_depthwise(layer: Any) -> bool:
    return int(getattr(layer, "groups", 1)) == units(layer) == channels(layer) > 1


def units(layer: Any) -> int:
    return int(layer.weight.shape[0])


def channels(module: Any) -> int:
    """Columns of a layer, channels of a norm."""
    if is_layer(module):
        return int(module.weight.shape[1]) * int(getattr(module, "groups", 1))
    names = ("num_features", "num_channels", "num_parameters")
    return next(int(getattr(module, name)) for name in names if hasattr(module, name))


def pads_with_zeros(layer: nn.Module) -> bool:
    return isinstance(layer, _ConvNd) and layer.padding_mode == "zeros" and any(layer._reversed_padding_repeated_twice)


def folds_shifts(module: object) -> TypeGuard[_BatchNorm]:
    """Whether it is a batch norm whose running mean can hold a constant, and whose weight can end a unit."""
    return isinstance(module, _BatchNorm) and module.affine and module.track_running_stats
