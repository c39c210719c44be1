"""Networks of the timm library, by name."""

from __future__ import annotations

import pytest
import torch

from trainables import models
from trainables.errors import StudyError
from trainables.groups import trace

try:
    import timm
except (ImportError, RuntimeError):
    timm = None


@pytest.mark.skipif(timm is not None, reason="timm is there")
def test_what_is_missing_is_said_in_a_line() -> None:
    with pytest.raises(StudyError, match=r"model timm:resnet18 needs `pip install timm`, and a torchvision that fits"):
        models.build("timm:resnet18", (3, 32, 32), 10)


@pytest.mark.skipif(timm is None, reason="timm is not there")
def test_networks_take_the_shape_of_the_data_and_are_cut() -> None:
    network = models.build("timm:vit_tiny_patch16_224", (1, 16, 16), 10, patch_size=8, depth=1).eval()
    assert network(torch.zeros(2, 1, 16, 16)).shape == (2, 10)
    graph = trace(network, torch.zeros(1, 1, 16, 16))
    assert {layer.what for layer in graph.hidden} == {"stream", "heads", "units"} and graph.dimensions
    with pytest.raises(StudyError, match="did you mean 'timm:resnet18'"):
        models.build("timm:resnet81", (1, 16, 16), 10)
    with pytest.raises(StudyError, match="cannot be built with"):
        models.build("timm:resnet18", (1, 16, 16), 10, widht=3)
