"""A network whose training cannot end before a test lets it, however fast the machine is."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import torch

_steps = itertools.count()
"""Of this process."""


def gated(gate: Path, inputs: int = 64, outputs: int = 10, free: int = 300, nap: float = 0.5) -> dict[str, Any]:
    """The setting `model` of a study of such networks."""
    options = {"inputs": inputs, "outputs": outputs, "free": free, "nap": nap}
    return {"name": f"{__name__}:Gated", "gate": str(gate), **options}


class Gated(torch.nn.Module):
    """In each process ``free`` steps are as fast as any; those after them nap, until there is a file ``gate``.

    ``nap``: seconds.

    It goes on, slowly: a worker that naps reports how far it is, and can be asked to leave.
    """

    def __init__(self, gate: str, inputs: int, outputs: int, free: int, nap: float) -> None:
        super().__init__()
        self.gate, self.free, self.nap = Path(gate), free, nap
        self.hidden, self.out = torch.nn.Linear(inputs, 8), torch.nn.Linear(8, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled() and next(_steps) >= self.free and not self.gate.exists():
            time.sleep(self.nap)
        return self.out(torch.relu(self.hidden(x.flatten(1))))
