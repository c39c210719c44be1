"""One run of a network, watched: which layers and norms it calls, how often, in what order, on what."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from trainables.errors import StudyError
from trainables.groups.modules import is_layer, is_norm


class Run:
    """Runs ``module`` on ``example`` (1, *input shape).

    Raises:
        ValueError: it does not run on the example or on batches of it, or does not give a tensor.
    """

    def __init__(self, module: nn.Module, example: Tensor) -> None:
        self.names = {child: name for name, child in module.named_modules()}
        self.calls: dict[str, int] = {}
        """By name, in the order of the first calls."""
        self.positions: dict[str, int] = {}
        """Places where a layer's units are computed, over all calls."""
        self.inputs: dict[str, Tensor] = {}
        watched = [child for child in self.names if is_layer(child) or is_norm(child)]
        hooks = [child.register_forward_hook(self._record) for child in watched]
        try:
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                output = module(example)
            self.macs = counter.get_total_flops() // 2
            for hook in hooks:
                hook.remove()
            with torch.no_grad():
                module(example.expand(2, *example.shape[1:]).clone())
        except Exception as error:
            raise StudyError(
                f"{type(module).__name__} does not run on an input of shape {tuple(example.shape)}: {error}"
            ) from error
        finally:
            for hook in hooks:
                hook.remove()
        if not isinstance(output, Tensor):
            raise StudyError(f"expected {type(module).__name__} to give a tensor but got {type(output).__name__}")

    def _record(self, module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        name = self.names[module]
        self.calls[name] = self.calls.get(name, 0) + 1
        self.inputs[name] = arguments[0]
        units = output.shape[-1] if isinstance(module, nn.Linear) else output.shape[1]
        self.positions[name] = self.positions.get(name, 0) + output.numel() // units
