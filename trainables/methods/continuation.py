"""Continuation: lambda reaches its value in equal stages, each growth times as strong as the one before.

Dwork (2018) trained with lambda = 1, 10 and 100 in turn, which is not one run with 100 from scratch.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainables.methods.knobs import Knobs


def continued(knobs: Knobs, done: Tensor) -> Tensor:
    """(P,) factors on lambda: growth^(stage - last stage).

    Args:
        done: (P,) or a single number: the share of the stages' time that is over, 0 .. 1.
    """
    stages = knobs["lambda_stages"]
    stage = torch.minimum((done * stages).floor(), stages - 1)
    return knobs["lambda_growth"] ** (stage - (stages - 1))


def grows(knobs: Knobs) -> bool:
    """Whether lambda changes in any lane."""
    return any(stages > 1 for stages in knobs.plain("lambda_stages"))
