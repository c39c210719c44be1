"""P networks in training: the tensors of all lanes, and what computes with them."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn

from trainables.training.chain import Chain
from trainables.training.optim import LaneOptimizer

Params = dict[str, Tensor]


@dataclass
class Networks:
    """Whole networks, or those that are left of them (`Reduction`): what trains is the same for both."""

    skeleton: nn.Module
    """A network of this shape; its own numbers are not used."""
    chain: Chain | None
    """All lanes at once, where the network is a chain of linear layers."""
    params: Params
    """(P, *shape) by name."""
    buffers: Params
    """(P, *shape) by name."""
    optimizer: LaneOptimizer
    """Steps the parameters that are trained."""
    masks: Params = field(default_factory=dict)
    """(P, *shape) by name: 0 where a parameter is held at zero, 1 elsewhere; a parameter without one is free."""
    frozen: Params = field(default_factory=dict)
    """(P, *shape) by name: parameters that stay as they are, whatever a method does."""

    def hold(self) -> None:
        """Puts back what must not move: zeros to zero, frozen parameters to what they were."""
        for name, mask in self.masks.items():
            self.params[name].mul_(mask)
        for name, value in self.frozen.items():
            self.params[name].copy_(value)
