"""One run of a network, watched: which layers and norms it calls, how often, in what order, on what."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode, _FlopCounterMode

from trainables.errors import StudyError
from trainables.groups.mixing import Mixing, candidate, recognised
from trainables.groups.modules import channels, is_layer, is_norm, units


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
        self.mixing: dict[str, Mixing] = {}
        """By name: the norms over all channels."""
        shapes: dict[str, torch.Size] = {}
        odd: set[str] = set()

        def record(child: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
            name = self.names[child]
            if candidate(child):
                if len(arguments) == 1 and isinstance(arguments[0], Tensor):
                    shapes.setdefault(name, arguments[0].shape)
                    self.calls[name] = self.calls.get(name, 0) + 1
                    self.inputs[name] = arguments[0]
                else:
                    odd.add(name)
                return
            if not _plain(child, arguments, output):
                odd.add(name)
                return
            self.calls[name] = self.calls.get(name, 0) + 1
            self.inputs[name] = arguments[0]
            count = output.shape[-1] if isinstance(child, nn.Linear) else output.shape[1]
            self.positions[name] = self.positions.get(name, 0) + output.numel() // count

        watched = [child for child in self.names if is_layer(child) or is_norm(child) or candidate(child)]
        hooks = [child.register_forward_hook(record) for child in watched]
        try:
            # Of the ways to compute an attention, the plain products are the ones that are counted everywhere.
            counter = FlopCounterMode(display=False)
            with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), _Counting(counter):
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
        known: dict[tuple[object, ...], Mixing | None] = {}
        for name, shape in shapes.items():
            child = module.get_submodule(name)
            key = (
                type(child),
                shape,
                *(value for value in vars(child).values() if isinstance(value, str | float | int)),
            )
            if key not in known:
                known[key] = recognised(child, shape)
            if (mixing := known[key]) is not None:
                self.mixing[name] = mixing
            elif not is_norm(child):
                odd.add(name)
        for name in odd & set(self.calls):
            del self.calls[name]

    def channels(self, name: str, module: nn.Module) -> int:
        """Columns of a layer, channels of a norm."""
        if name in self.mixing:
            return module.get_parameter(self.mixing[name].weight).numel()
        return channels(module)


class _Counting(_FlopCounterMode):  # type: ignore[no-untyped-call]
    """Does for a `FlopCounterMode` what that does by itself, but for keeping torch's compiler out of it: that would be
    loaded, a second of every process's start."""

    __torch_dispatch__ = inspect.unwrap(_FlopCounterMode.__torch_dispatch__)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


def _plain(child: nn.Module, arguments: tuple[Any, ...], output: Any) -> bool:
    """Whether it was called as torch's own is: on one tensor, for one, with channels where they are expected."""
    if not arguments or not isinstance(arguments[0], Tensor) or not isinstance(output, Tensor):
        return False
    axis = arguments[0].dim() - 1 if isinstance(child, nn.Linear) else 1
    if axis >= arguments[0].dim() or output.dim() != arguments[0].dim():
        return False
    wide = units(child) if is_layer(child) else channels(child)
    return arguments[0].shape[axis] == channels(child) and output.shape[axis] == wide
