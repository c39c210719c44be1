"""Networks of the `timm` library by their names there, freshly initialised, never downloaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from torch import nn

from trainables.errors import StudyError, not_one_of
from trainables.models.outputs import Plain

PREFIX = "timm:"


def find(name: str) -> Any:
    """The library. Raises StudyError where it is not there, or has no network of the name after "timm:"."""
    try:
        import timm
    except (ImportError, RuntimeError) as error:  # the latter where torchvision is of another build than torch
        raise StudyError(
            f"model {name} needs `pip install timm`, and a torchvision that fits torch, which timm imports: {error}"
        ) from error
    if not timm.is_model(name.removeprefix(PREFIX)):
        near = get_close_matches(name.removeprefix(PREFIX), timm.list_models(), 5, 0)
        raise not_one_of("model", name, [PREFIX + known for known in near])
    return timm


def load(name: str, input_shape: Sequence[int], outputs: int, keys: Mapping[str, Any]) -> nn.Module:
    """The network after "timm:".

    Args:
        keys: what its function takes; num_classes and in_chans follow from the data, and img_size where it takes one.

    Raises:
        StudyError: the library is not there, it has no such network, or does not build it with these keys.
    """
    timm = find(name)
    given = {"num_classes": outputs, "in_chans": input_shape[0]}
    try:
        try:
            size = {"img_size": tuple(input_shape[1:])}
            made = timm.create_model(name.removeprefix(PREFIX), **given | size | dict(keys))
        except TypeError:  # it has no such key
            made = timm.create_model(name.removeprefix(PREFIX), **given | dict(keys))
    except Exception as error:  # The library checks keys in many ways.
        raise StudyError(f"{name} cannot be built with {dict(keys)}: {' '.join(str(error).split())}") from error
    for module in made.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = False  # torch.func stacks the plain products
    return Plain(made)
