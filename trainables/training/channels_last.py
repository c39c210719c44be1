"""Images with their channels last in memory: how convolutions of a lone network on a CPU are fastest.

A step of LeNet-5 or ResNet-20 takes four fifths of the time of a plain loop's (`benchmarks/step_speed.py`). Stacked
networks have grouped convolutions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from trainables.groups import Graph
from trainables.training.networks import Params


def channels_last(x: Tensor) -> Tensor:
    """(B, C, H, W), a copy. Of a single channel, too: its strides are what makes the convolutions behind it follow."""
    return torch.empty(x.shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last).copy_(x)


def bears(graph: Graph, skeleton: nn.Module, tensors: Params, x: Tensor) -> bool:
    """Whether a network has convolutions that gain from it, and runs on such images, there and back.

    `Tensor.view` in a user's forward pass, for one, may refuse them. A function of the network alone: the same
    whenever it is asked.

    Args:
        tensors: its parameters and buffers, which may be changed.
        x: a few of its inputs.
    """
    if x.device.type != "cpu" or x.dim() != 4 or all(layer.kind != "conv" for layer in graph.layers):
        return False
    leaves = [t.requires_grad_() for name, t in tensors.items() if t.is_floating_point() and name in _learned(skeleton)]
    try:
        with torch.enable_grad():
            output = functional_call(skeleton, tensors, (channels_last(x),)).flatten(1)
            torch.autograd.grad(output.sum(), leaves, allow_unused=True)
    except RuntimeError:
        return False
    return True


def _learned(skeleton: nn.Module) -> set[str]:
    return {name for name, _ in skeleton.named_parameters()}
