"""Plain convolutional networks: a small one of any width, Dwork's, and VGG-B without two linear layers."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from trainables.models import checks


def convnet(
    input_shape: Sequence[int], outputs: int, *, channels: Sequence[int] = (16, 32), batch_norm: bool = False
) -> nn.Sequential:
    """A small convolutional network: [3x3 convolution, norm, ReLU, 2x2 max pooling]* -> linear.

    channels: filters per convolution, each followed by halving the image. batch_norm: and then no biases.
    Raises ValueError for inputs that are not images, or too small to be halved so often.
    """
    inputs, _, _ = checks.image("convnet", input_shape)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i, width in enumerate(checks.sizes("channels", channels), 1):
        layers[f"conv{i}"] = nn.Conv2d(inputs, width, 3, padding=1, bias=not batch_norm)
        if batch_norm:
            layers[f"norm{i}"] = nn.BatchNorm2d(width)
        layers[f"relu{i}"] = nn.ReLU()
        layers[f"pool{i}"] = nn.MaxPool2d(2)
        inputs = width
    return _classifier(layers, input_shape, outputs)


def dwork_cnn(
    input_shape: Sequence[int],
    outputs: int,
    *,
    channels: Sequence[int] = (300, 200, 100),
    widths: Sequence[int] = (500, 200),
    sharpness: float = 100.0,
) -> nn.Sequential:
    """Dwork's CIFAR-10 network: 300-200-100 channels, then 400-500-200-10; 1,045,810 parameters.

    Convolutions 5x5, 3x3, 3x3 without padding, each followed by softplus(x) = log(1 + exp(s*x))/s and 2x2
    average pooling; 1,310 neurons with the 10 outputs. sharpness: s, 100 in the paper.
    Raises ValueError for inputs that are not images, or too small.
    Reference: Dwork 2018, "Neuronal death".
    """
    inputs, _, _ = checks.image("dwork_cnn", input_shape)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    kernels = (5, 3, 3)
    for i, (width, kernel) in enumerate(zip(checks.sizes("channels", channels, length=3), kernels, strict=True), 1):
        layers[f"conv{i}"] = nn.Conv2d(inputs, width, kernel)
        layers[f"softplus{i}"] = nn.Softplus(beta=sharpness)
        layers[f"pool{i}"] = nn.AvgPool2d(2)
        inputs = width
    layers["flatten"] = nn.Flatten()
    inputs = checks.flat_features(layers, input_shape)
    for i, width in enumerate(checks.sizes("widths", widths), 4):
        layers[f"hidden{i}"] = nn.Linear(inputs, width)
        layers[f"softplus{i}"] = nn.Softplus(beta=sharpness)
        inputs = width
    layers["output"] = nn.Linear(inputs, outputs)
    return nn.Sequential(layers)


def bnet_c(
    input_shape: Sequence[int],
    outputs: int,
    *,
    channels: Sequence[int] = (64, 128, 256, 512, 512),
    batch_norm: bool = False,
) -> nn.Sequential:
    """BNet^C of Alvarez and Salzmann: VGG-B without its first two fully connected layers.

    Named by the paper: VGG-B (two 3x3 convolutions, then 2x2 max pooling, in each of five stages; 9,404,992
    parameters in the convolutions) and which layers go. Our reading: the linear layer that is left takes the
    flattened last pooling (7x7x512 of a 224x224 image) to the classes; no batch norm, as VGG-B has none.
    channels: filters of each stage, any number of stages.
    Raises ValueError for inputs that are not images, or too small.
    Reference: Alvarez and Salzmann 2016; Simonyan and Zisserman 2015, configuration B.
    """
    inputs, _, _ = checks.image("bnet_c", input_shape)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i, width in enumerate(checks.sizes("channels", channels), 1):
        for j in (1, 2):
            layers[f"conv{i}_{j}"] = nn.Conv2d(inputs, width, 3, padding=1, bias=not batch_norm)
            if batch_norm:
                layers[f"norm{i}_{j}"] = nn.BatchNorm2d(width)
            layers[f"relu{i}_{j}"] = nn.ReLU()
            inputs = width
        layers[f"pool{i}"] = nn.MaxPool2d(2)
    return _classifier(layers, input_shape, outputs)


def _classifier(layers: OrderedDict[str, nn.Module], input_shape: Sequence[int], outputs: int) -> nn.Sequential:
    layers["flatten"] = nn.Flatten()
    layers["output"] = nn.Linear(checks.flat_features(layers, input_shape), outputs)
    return nn.Sequential(layers)
