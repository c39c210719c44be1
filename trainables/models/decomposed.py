"""Networks of 1-D convolutions: every k x k kernel is a k x 1 and a 1 x k one with a ReLU between them.

The layers are named as the papers draw them, conv1v (k x 1) and conv1h (1 x k).
Reference: Alvarez and Petersson 2016, "DecomposeMe"; Alvarez and Salzmann 2016.
"""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from trainables.errors import StudyError
from trainables.models import checks


def dec3(
    input_shape: Sequence[int],
    outputs: int,
    *,
    widths: Sequence[int] = (96, 128, 512),
    kernels: Sequence[int] = (9, 9, 6),
    pools: Sequence[int] | None = None,
    batch_norm: bool = False,
) -> nn.Sequential:
    """Dec3 for ICDAR characters: 6 one-dimensional convolutions and 1 fully connected layer, 36 classes.

    Named by the paper: the layers, its max pooling, the 512 filters of the last two convolutions, the classes. Our
    reading: 24x24 images, 2x2 max pooling after every pair but the last; widths those of Jaderberg et al. 2014 before
    its maxout (96, 128, 512 filters), its kernels of 9 with padding before the poolings, and 6 x 6 for what is left,
    which ends at 1x1x512.
    widths, kernels: one per pair of convolutions. pools: the pairs that are padded and pooled; None for all but the
    last. Without any (and kernels 9, 9, 8) it is Jaderberg's network.
    Raises ValueError for inputs that are not images or too small, an even kernel in a pair that is padded.
    """
    widths = checks.sizes("widths", widths)
    kernels = checks.sizes("kernels", kernels, length=len(widths))
    pooled = range(1, len(widths)) if pools is None else _pairs(pools, len(widths))
    for i in pooled:
        if kernels[i - 1] % 2 == 0:
            raise StudyError(f"kernels of padded pairs must be odd, so that padding keeps the size, got {kernels}")
    channels, _, _ = checks.image("dec3", input_shape)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i, (width, kernel) in enumerate(zip(widths, kernels, strict=True), 1):
        padding = kernel // 2 if i in pooled else 0
        layers |= _pair(i, channels, width, kernel, padding=padding, batch_norm=batch_norm)
        if i in pooled:
            layers[f"pool{i}"] = nn.MaxPool2d(2)
        channels = width
    layers["flatten"] = nn.Flatten()
    layers["output"] = nn.Linear(checks.flat_features(layers, input_shape), outputs)
    return nn.Sequential(layers)


def dec8(
    input_shape: Sequence[int],
    outputs: int,
    *,
    width: int = 640,
    narrow: Sequence[int] = (),
    kernel: int = 3,
    pools: Sequence[int] = (1, 2, 3, 5, 7),
    batch_norm: bool = False,
) -> nn.Sequential:
    """Dec8-640 (width=768: Dec8-768) for ImageNet: 16 one-dimensional convolutions in 8 pairs.

    Named by the paper: the number of convolutions and 640, or 768, neurons per layer. Our reading: kernels of 3 with
    padding; 2x2 max pooling after the pairs in `pools` (224 -> 7); global average pooling before the only linear
    layer. narrow: widths of the first pairs, where they are to have others, say 64, 128, 256 as in VGG-B.
    Raises ValueError for inputs that are not images or too small, more than 7 narrow pairs, an even kernel.
    """
    narrow = checks.sizes("narrow", narrow) if narrow else ()
    if len(narrow) > 7:
        raise StudyError(f"narrow must leave at least one of the 8 pairs to width, got {narrow}")
    if checks.size("kernel", kernel) % 2 == 0:
        raise StudyError(f"kernel must be odd, so that padding keeps the image's size, got {kernel}")
    widths = narrow + (checks.size("width", width),) * (8 - len(narrow))
    pools = _pairs(pools, 8)
    channels, _, _ = checks.image("dec8", input_shape)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i, filters in enumerate(widths, 1):
        layers |= _pair(i, channels, filters, kernel, padding=kernel // 2, batch_norm=batch_norm)
        if i in pools:
            layers[f"pool{i}"] = nn.MaxPool2d(2)
        channels = filters
    layers["average"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["output"] = nn.Linear(checks.flat_features(layers, input_shape), outputs)
    return nn.Sequential(layers)


def _pairs(pools: Sequence[int], count: int) -> Sequence[int]:
    if pools and not set(checks.sizes("pools", pools)) <= set(range(1, count + 1)):
        raise StudyError(f"pools must name pairs from 1 to {count}, got {pools!r}")
    return pools


def _pair(
    i: int, inputs: int, width: int, kernel: int, *, padding: int, batch_norm: bool
) -> OrderedDict[str, nn.Module]:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for axis, size, pad in (("v", (kernel, 1), (padding, 0)), ("h", (1, kernel), (0, padding))):
        layers[f"conv{i}{axis}"] = nn.Conv2d(inputs, width, size, padding=pad, bias=not batch_norm)
        if batch_norm:
            layers[f"norm{i}{axis}"] = nn.BatchNorm2d(width)
        layers[f"relu{i}{axis}"] = nn.ReLU()
        inputs = width
    return layers
