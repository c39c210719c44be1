"""The three convolutional LeNets of the papers, 28x28 images in, two convolutions, two linear layers."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from trainables.errors import not_one_of
from trainables.models import checks, initial


@dataclass(frozen=True)
class Variant:
    """What DropNeuron's and CGES's LeNet-5 differ in; `bias` None draws the biases like the weights."""

    hidden: int
    dropout: float
    std: float
    bias: float | None


VARIANTS = {
    "dropneuron": Variant(hidden=512, dropout=0.0, std=0.01, bias=None),
    "cges": Variant(hidden=1024, dropout=0.5, std=0.1, bias=0.1),
}


def lenet5(
    input_shape: Sequence[int],
    outputs: int,
    *,
    variant: str = "dropneuron",
    channels: Sequence[int] = (32, 64),
    hidden: int | None = None,
    dropout: float | None = None,
) -> nn.Sequential:
    """LeNet-5 with padded 5x5 convolutions, 32-64, then 3136-512-10 (dropneuron) or 3136-1024-10 (cges).

    variant: dropneuron (512 hidden units, truncated normal .01; 1,610,752 weights in the linear layers) or
    cges (1024 hidden units, truncated normal .1, biases .1). hidden, dropout: the variant's where None, which
    drops 0 and .5 (DropNeuron's rows named dropout have .5 too).
    Raises ValueError for other variants and for inputs that are not images.
    Reference: Pan, Dong and Guo 2016; Yoon and Hwang 2017.
    """
    if variant not in VARIANTS:
        raise not_one_of("variant of lenet5", variant, VARIANTS)
    published = VARIANTS[variant]
    network = _lenet(
        "lenet5",
        input_shape,
        outputs,
        channels=channels,
        hidden=published.hidden if hidden is None else hidden,
        dropout=published.dropout if dropout is None else dropout,
        padding=2,
    )
    initial.truncated_normal(network, published.std, published.bias)
    return network


def lenet5_caffe(
    input_shape: Sequence[int], outputs: int, *, channels: Sequence[int] = (20, 50), hidden: int = 500
) -> nn.Sequential:
    """Caffe's LeNet-5, 20-50-800-500, 5x5 convolutions without padding: 430,500 weights on MNIST.

    weights = 25*l0 + 25*l0*l1 + l2*l3 + 10*l3 with l = (20, 50, 800, 500), the layers that NPN gates.
    Reference: Li and Ji 2019; He initialisation and ReLU as in their code.
    """
    network = _lenet("lenet5_caffe", input_shape, outputs, channels=channels, hidden=hidden, dropout=0.0, padding=0)
    initial.he(network)
    return network


def _lenet(
    model: str,
    input_shape: Sequence[int],
    outputs: int,
    *,
    channels: Sequence[int],
    hidden: int,
    dropout: float,
    padding: int,
) -> nn.Sequential:
    colours, _, _ = checks.image(model, input_shape)
    first, second = checks.sizes("channels", channels, length=2)
    hidden = checks.size("hidden", hidden)
    dropout = checks.probability("dropout", dropout)
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(colours, first, 5, padding=padding),
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(first, second, 5, padding=padding),
        relu2=nn.ReLU(),
        pool2=nn.MaxPool2d(2),
        flatten=nn.Flatten(),
    )
    inputs = checks.flat_features(layers, input_shape)
    layers["hidden"] = nn.Linear(inputs, hidden)
    layers["relu3"] = nn.ReLU()
    if dropout:
        layers["dropout"] = nn.Dropout(dropout)
    layers["output"] = nn.Linear(hidden, outputs)
    return nn.Sequential(layers)
