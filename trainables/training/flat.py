"""Tensors that lie in one piece of memory, so that one operation steps them all."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

_ALIGNED = 16
"""Numbers at whose multiples tensors begin: whole vectors of the processor's, which matrix products like."""


class Flat:
    """``tensors`` one after the other in ``whole`` (N,), with zeros between; each keeps its shape, lanes in front.

    Args:
        tensors: (P, *shape) by name, of one type and on one device.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        first = next(iter(tensors.values()))
        sizes = [-(-tensor.numel() // _ALIGNED) * _ALIGNED for tensor in tensors.values()]
        self.whole = torch.zeros(sum(sizes), dtype=first.dtype, device=first.device)
        places = zip(tensors.items(), torch.split(self.whole, sizes), strict=True)
        self.parts = {name: place[: tensor.numel()].view(tensor.shape) for (name, tensor), place in places}

    @classmethod
    def home_of(cls, tensors: Mapping[str, Tensor]) -> Flat:
        """Moves ``tensors`` themselves into one: whoever holds one of them holds a part of it from then on."""
        flat = cls(tensors)
        for name, tensor in tensors.items():
            tensor.data = flat.parts[name].copy_(tensor)
        flat.parts = dict(tensors)
        return flat

    def fill_lanes(self, values: Tensor) -> None:
        """Every number of a lane becomes that lane's of ``values`` (P,)."""
        for part in self.parts.values():
            part.copy_(values.reshape(-1, *[1] * (part.dim() - 1)))
