"""Fully connected networks: any widths, and the three that the papers use."""

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import nn

from trainables.errors import StudyError, not_one_of
from trainables.models import checks, initial

ACTIVATIONS: dict[str, Callable[[], nn.Module] | None] = {
    "relu": nn.ReLU,
    "softplus": nn.Softplus,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "linear": None,
}


def mlp(
    input_shape: Sequence[int],
    outputs: int,
    *,
    widths: Sequence[int] | None = None,
    depth: int | None = None,
    width: int | None = None,
    activation: str = "relu",
    batch_norm: bool = False,
    dropout: float = 0.0,
    bias: bool = True,
) -> nn.Sequential:
    """A multilayer perceptron on any inputs: flatten -> [linear, norm, activation, dropout]* -> linear.

    widths: hidden units per layer, may be empty; 128 and 64 if not given. depth: in the place of widths so many hidden
    layers of ``width`` units, or 64. activation: relu, softplus, sigmoid, tanh or linear (none).
    dropout: probability of dropping a hidden unit. batch_norm: and then no bias in the hidden layers.
    Raises ValueError for unknown activations, for widths that are not positive and for both widths and depth.
    """
    if depth is None and width is None:
        widths = (128, 64) if widths is None else widths
    elif widths is not None or depth is None:
        given = {"widths": widths, "depth": depth, "width": width}
        said = ", ".join(f"{name} {value}" for name, value in given.items() if value is not None)
        raise StudyError(f"mlp: expected widths, or depth with or without width, but got {said}")
    else:
        widths = (64 if width is None else checks.size("width", width),) * checks.size("depth", depth)
    if activation not in ACTIVATIONS:
        raise not_one_of("activation", activation, ACTIVATIONS)
    make_activation = ACTIVATIONS[activation]
    dropout = checks.probability("dropout", dropout)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if len(input_shape) > 1:
        layers["flatten"] = nn.Flatten()
    inputs = math.prod(input_shape)
    for i, width in enumerate(checks.sizes("widths", widths), 1):
        layers[f"hidden{i}"] = nn.Linear(inputs, width, bias=bias and not batch_norm)
        if batch_norm:
            layers[f"norm{i}"] = nn.BatchNorm1d(width)
        if make_activation is not None:
            layers[f"{activation}{i}"] = make_activation()
        if dropout:
            layers[f"dropout{i}"] = nn.Dropout(dropout)
        inputs = width
    layers["output"] = nn.Linear(inputs, outputs, bias=bias)
    return nn.Sequential(layers)


def lenet300(
    input_shape: Sequence[int], outputs: int, *, widths: Sequence[int] = (300, 100), dropout: float = 0.0
) -> nn.Sequential:
    """LeNet-300-100, 784-300-100-10 with ReLU: 266,200 weights on MNIST; weights and biases N(0, .01^2).

    The published code computes a dropout and discards its result, so none is the default.
    Reference: LeCun et al. 1998; initialisation of Pan, Dong and Guo 2016 (DropNeuron).
    """
    network = mlp(input_shape, outputs, widths=widths, dropout=dropout)
    initial.normal(network, std=0.01)
    return network


def autoencoder(
    input_shape: Sequence[int], outputs: int, *, widths: Sequence[int] = (128, 64, 128), std: float = 1.0
) -> nn.Sequential:
    """DropNeuron's autoencoder, 784-128-64-128-784: 217,088 weights; sigmoid everywhere, at the output too.

    outputs: the flattened size of the inputs; reconstructions are (N, outputs). std: of weights and biases.
    Reference: Pan, Dong and Guo 2016.
    """
    network = mlp(input_shape, outputs, widths=widths, activation="sigmoid")
    network.add_module("sigmoid_output", nn.Sigmoid())
    initial.normal(network, std=std)
    return network


def linear_regression(
    input_shape: Sequence[int],
    outputs: int,
    *,
    widths: Sequence[int] = (5,),
    bias: bool = True,
    dropout: float = 0.0,
) -> nn.Sequential:
    """DropNeuron's sparse regression net, 20-5-1 with linear units: 105 weights, all parameters N(0, 1).

    The published code has biases and counts none of them; bias=False leaves the 105 weights alone. dropout: of the
    hidden units, .5 in the paper's row of that name.
    Reference: Pan, Dong and Guo 2016.
    """
    network = mlp(input_shape, outputs, widths=widths, activation="linear", bias=bias, dropout=dropout)
    initial.normal(network, std=1.0)
    return network


def moons_mlp(input_shape: Sequence[int], outputs: int, *, widths: Sequence[int] = (100, 80)) -> nn.Sequential:
    """NPN's network for moons, 2-100-80-2 with a fixed first layer: 100*80 + 80*2 = 8,160 learned weights.

    The fixed layer is an orthonormal 2x100 projection without activation, and is part of the published data:
    on inputs of widths[0] features the network is 100-80-2, and the first gates are those of its inputs.
    Inputs of any other size (the plane's 2) go through an ordinary, learned first layer.
    Reference: Li and Ji 2019; He initialisation and ReLU as in their code.
    """
    projected = len(widths) > 1 and math.prod(input_shape) == widths[0]
    network = mlp(input_shape, outputs, widths=widths[1:] if projected else widths)
    initial.he(network)
    return network
