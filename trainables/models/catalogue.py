"""The networks known by name. Nothing here loads torch: a network's own file is imported when it is made."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from trainables.errors import not_one_of

if TYPE_CHECKING:
    from torch import nn

    Factory = Callable[..., nn.Module]


@dataclass(frozen=True)
class ModelSpec:
    """A network by name: how it is made, and the data it was published on.

    made_by: "file.function" of this folder, which `factory` imports; pinned: options that the name decides;
    input_shape, outputs: natural ones, without the batch axis; reference: empty if no paper names it.
    """

    name: str
    made_by: str
    description: str
    input_shape: tuple[int, ...]
    outputs: int
    reference: str
    pinned: Mapping[str, object] = field(default_factory=dict)

    @property
    def factory(self) -> Factory:
        """factory(input_shape, outputs, **options) -> nn.Module."""
        file, _, function = self.made_by.partition(".")
        return cast("Factory", getattr(importlib.import_module(f"trainables.models.{file}"), function))

    @property
    def options(self) -> dict[str, object]:
        """The options that may be given, with their defaults."""
        parameters = inspect.signature(self.factory).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in self.pinned}


_DIGITS, _MNIST, _CIFAR, _IMAGENET = (1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 224, 224)
_PAN = "Pan, Dong, Guo 2016 (DropNeuron)"
_LI = "Li, Ji 2019 (NPN)"
_ALVAREZ = "Alvarez, Salzmann 2016"

_SPECS = (
    ModelSpec("mlp", "mlp.mlp", "multilayer perceptron of any widths, on inputs of any shape", (64,), 10, ""),
    ModelSpec("convnet", "convnet.convnet", "small convolutional network of any widths", _DIGITS, 10, ""),
    ModelSpec("lenet300", "mlp.lenet300", "LeNet-300-100", _MNIST, 10, f"LeCun et al. 1998; {_PAN}"),
    ModelSpec(
        "lenet5",
        "lenet.lenet5",
        "LeNet-5 of DropNeuron (512) or CGES (1024)",
        _MNIST,
        10,
        f"{_PAN}; Yoon, Hwang 2017 (CGES)",
    ),
    ModelSpec("lenet5_caffe", "lenet.lenet5_caffe", "Caffe's LeNet-5, 20-50-800-500", _MNIST, 10, _LI),
    ModelSpec("autoencoder", "mlp.autoencoder", "sigmoid autoencoder 784-128-64-128-784", _MNIST, 784, _PAN),
    ModelSpec("linear_regression", "mlp.linear_regression", "linear units 20-5-1, 105 weights", (20,), 1, _PAN),
    ModelSpec("moons_mlp", "mlp.moons_mlp", "100-80-2, 8160 weights, after a fixed 2-100", (100,), 2, _LI),
    ModelSpec(
        "dwork_cnn", "convnet.dwork_cnn", "softplus network of 1310 neurons", _CIFAR, 10, "Dwork 2018 (Neuronal death)"
    ),
    ModelSpec("resnet", "resnet.resnet", "residual network of depth 6n + 2", _CIFAR, 10, "He et al. 2016"),
    *(
        ModelSpec(
            f"resnet{depth}",
            "resnet.resnet",
            f"residual network of depth {depth}",
            _CIFAR,
            10,
            f"He et al. 2016; {_LI}",
            pinned={"depth": depth},
        )
        for depth in (20, 32, 44, 56, 110)
    ),
    ModelSpec("dec3", "decomposed.dec3", "6 one-dimensional convolutions, 1 linear layer", (1, 24, 24), 36, _ALVAREZ),
    ModelSpec("dec8", "decomposed.dec8", "16 one-dimensional convolutions, 640 or 768 wide", _IMAGENET, 1000, _ALVAREZ),
    ModelSpec("bnet_c", "convnet.bnet_c", "VGG-B without its two large linear layers", _IMAGENET, 1000, _ALVAREZ),
)
MODELS: dict[str, ModelSpec] = {spec.name: spec for spec in _SPECS}


def find(name: str) -> None:
    """Imports what makes the network `name`. Raises StudyError where that is not there, as `build` would."""
    from trainables.models import custom, timm, transformers

    if name.startswith(transformers.PREFIX):
        transformers.find(name)
    elif name.startswith(timm.PREFIX):
        timm.find(name)
    elif ":" in name:
        custom.find(name)
    elif name not in MODELS:
        raise not_one_of("model", name, (*MODELS, "module:Class"))


def build(name: str, input_shape: Sequence[int], outputs: int, /, **options: object) -> nn.Module:
    """The network `name` for inputs (N, *input_shape) and outputs (N, outputs), freshly initialised.

    name: a key of MODELS, "transformers:Class" for a network of that library, of whose configuration `options` are
    keys, "timm:name" for one of that library, or "module:Class" for a user's own network, which is called with
    `options` alone.
    Weights come from torch's default generator: seed it within torch.random.fork_rng to draw them again.
    Raises ValueError for unknown names and options, naming the valid ones, and for shapes that do not fit.
    """
    from trainables.models import checks, custom, timm, transformers

    if name.startswith(transformers.PREFIX):
        return transformers.load(name, input_shape, outputs, options)
    if name.startswith(timm.PREFIX):
        return timm.load(name, input_shape, outputs, options)
    if ":" in name:
        return custom.load(name, options)
    if name not in MODELS:
        raise not_one_of("model", name, (*MODELS, "module:Class"))
    spec = MODELS[name]
    for option in options:
        if option not in spec.options:
            raise not_one_of(f"option of {name}", option, spec.options)
    checks.sizes("input_shape", input_shape)
    checks.size("outputs", outputs)
    return spec.factory(tuple(input_shape), outputs, **spec.pinned, **options)
