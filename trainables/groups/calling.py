"""Calls a network with other tensors in the place of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call


def call(module: nn.Module, tensors: Mapping[str, Tensor], x: Tensor) -> Any:
    """What `torch.func.functional_call` gives, which leaves a module that has two names with the other tensors.

    Args:
        tensors: parameters and buffers by name; one that several modules have is named once, by its first name.
    """
    first: dict[int, str] = {}
    given = {}
    for path, child in module.named_modules():
        for own in (child.named_parameters(recurse=False), child.named_buffers(recurse=False)):
            for last, tensor in own:
                name = first.setdefault(id(tensor), f"{path}.{last}" if path else last)
                if name in tensors:
                    given[f"{path}.{last}" if path else last] = tensors[name]
    return functional_call(module, given, (x,), tie_weights=False)
