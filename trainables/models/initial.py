"""The initialisations the papers name, applied in place to every Linear and Conv of a network.

Drawn from torch's default generator, so that `torch.random.fork_rng` and `torch.manual_seed` decide them.
"""

from collections.abc import Iterator
from typing import Literal

from torch import nn


def normal(network: nn.Module, std: float) -> None:
    """w, b ~ N(0, std^2): DropNeuron's code, which draws the biases as it draws the weights."""
    for layer in _layers(network):
        nn.init.normal_(layer.weight, std=std)
        if layer.bias is not None:
            nn.init.normal_(layer.bias, std=std)


def truncated_normal(network: nn.Module, std: float, bias: float | None = None) -> None:
    """w ~ N(0, std^2) within two standard deviations; b the constant `bias`, or drawn like w."""
    for layer in _layers(network):
        nn.init.trunc_normal_(layer.weight, std=std, a=-2 * std, b=2 * std)
        if layer.bias is None:
            continue
        if bias is None:
            nn.init.trunc_normal_(layer.bias, std=std, a=-2 * std, b=2 * std)
        else:
            nn.init.constant_(layer.bias, bias)


def he(network: nn.Module) -> None:
    """w ~ N(0, 2/fan), b = 0; fan = outputs x kernel of a convolution, inputs of a linear layer.

    As in NPN's code, which stores dense weights as [in, out] and takes the first axis in both cases.
    Reference: He et al. 2015, "Delving deep into rectifiers".
    """
    for layer in _layers(network):
        mode: Literal["fan_in", "fan_out"] = "fan_in" if isinstance(layer, nn.Linear) else "fan_out"
        nn.init.kaiming_normal_(layer.weight, mode=mode, nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _layers(network: nn.Module) -> Iterator[nn.Linear | nn.Conv1d | nn.Conv2d]:
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
            yield module
