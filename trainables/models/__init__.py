"""The networks of a study: a registry of plain nn.Modules, and `build` to make one by name.

Layers are nn.Linear, nn.Conv2d, norms, dropouts, poolings and activations as modules, each used once, so that
torch.fx, torch-pruning and torch.func can all read and run them. The registry is read without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from trainables.models.catalogue import MODELS, ModelSpec, build, find

if TYPE_CHECKING:
    from trainables.models.outputs import Plain, Tokens
    from trainables.models.weights import Weights, fit_weights, read_weights

__all__ = ["MODELS", "ModelSpec", "Plain", "Tokens", "Weights", "build", "find", "fit_weights", "read_weights"]
_WITH_TORCH = dict.fromkeys(("Plain", "Tokens"), "outputs")
_WITH_TORCH |= dict.fromkeys(("Weights", "fit_weights", "read_weights"), "weights")


def __getattr__(name: str) -> Any:
    if name not in _WITH_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"trainables.models.{_WITH_TORCH[name]}"), name)
