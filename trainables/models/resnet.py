"""Residual networks for 32x32 images, depth 6n + 2."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

from trainables.errors import StudyError, not_one_of
from trainables.models import checks, initial

SHORTCUTS = ("padding", "projection")


class Block(nn.Module):
    """relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)); 3x3 convolutions, the stride in the first."""

    def __init__(self, inputs: int, width: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.shortcut = _shortcut(inputs, width, stride, shortcut)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(self.conv1(x))
        y = self.norm2(self.conv2(self.relu1(y)))
        total: Tensor = self.relu2(y + self.shortcut(x))
        return total


def resnet(
    input_shape: Sequence[int],
    outputs: int,
    *,
    depth: int = 56,
    widths: Sequence[int] = (16, 32, 64),
    shortcut: str = "projection",
) -> nn.Sequential:
    """ResNet of depth 6n + 2: a 3x3 stem, three stages of n blocks (images of 32, 16, 8), average, linear.

    shortcut: where the shape changes, projection (He's option B, 1x1 convolution and norm, as in NPN's code)
    or padding (option A: every second pixel, zeros for the new channels, no parameters).
    Depth 56 on CIFAR-10 has 855,770 parameters and 125.75M multiply-adds with B, 853,018 and 125.49M with A.
    NPN's percentages imply .84.. .86M and 126.9..127.1M for the dense network. The parameters fit both; the
    multiply-adds fit B (127.1M, A 126.8M) if two are added per element of a batch norm, and one per element
    of the ReLU modules in that code (the stem's and each block's first).
    Raises ValueError for other depths and shortcuts, and for inputs that are not images.
    Reference: He et al. 2016, section 4.2; Li and Ji 2019.
    """
    if checks.size("depth", depth) < 8 or (depth - 2) % 6:
        lower = max(8, depth - (depth - 2) % 6)
        raise StudyError(f"depth must be 6n + 2 (8, 20, 32, 44, 56, 110), got {depth}; try {lower} or {lower + 6}")
    if shortcut not in SHORTCUTS:
        raise not_one_of("shortcut of resnet", shortcut, SHORTCUTS)
    inputs, _, _ = checks.image("resnet", input_shape)
    widths = checks.sizes("widths", widths, length=3)
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv=nn.Conv2d(inputs, widths[0], 3, padding=1, bias=False),
        norm=nn.BatchNorm2d(widths[0]),
        relu=nn.ReLU(),
    )
    inputs = widths[0]
    for stage, width in enumerate(widths, 1):
        for block in range(1, (depth - 2) // 6 + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            layers[f"stage{stage}_block{block}"] = Block(inputs, width, stride, shortcut)
            inputs = width
    layers["average"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["output"] = nn.Linear(inputs, outputs)
    network = nn.Sequential(layers)
    initial.he(network)
    return network


def _shortcut(inputs: int, width: int, stride: int, shortcut: str) -> nn.Module:
    if stride == 1 and inputs == width:
        return nn.Identity()
    if shortcut == "projection":
        return nn.Sequential(
            OrderedDict(conv=nn.Conv2d(inputs, width, 1, stride=stride, bias=False), norm=nn.BatchNorm2d(width))
        )
    if width < inputs:
        raise StudyError(f"padding shortcuts only add channels, got widths from {inputs} to {width}; use projection")
    before = (width - inputs) // 2
    # Pads from the last axis backwards: nothing around the image, the missing channels around the present.
    pad = nn.ConstantPad3d((0, 0, 0, 0, before, width - inputs - before), 0.0)
    return nn.Sequential(OrderedDict(subsample=nn.MaxPool2d(1, stride), pad=pad))
