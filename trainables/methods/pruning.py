"""Magnitude and random structured pruning: the baselines that every sparsity method has to beat.

Dense training, then whole units are removed once, and the polish epochs fine-tune what is left. Magnitude removes the
units with the least root mean square weight, bias included; random removes any. A layer keeps at least one unit.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from trainables.groups import Layer, unit_matrix
from trainables.math import uniform
from trainables.methods.base import Knob, Knobs, Method, Params, State

_PURPOSE = 7


class MagnitudePruning(Method):
    name = "magnitude"
    title = "Magnitude pruning baseline: units with the smallest weights go, once"
    reference = "Blalock et al.: What is the state of neural network pruning?, MLSys 2020"
    knobs: ClassVar[dict[str, Knob]] = {
        "sparsity": Knob(0.5, "share of the hidden units removed", low=0.0, high=1.0, per_layer=True),
        "scope": Knob("global", "one ranking, or each layer loses its own share", choices=("global", "layerwise")),
    }

    @property
    def layers(self) -> tuple[Layer, ...]:
        return tuple(layer for layer in self.graph.hidden if not layer.tied)

    def init(self, params: Params, knobs: Knobs, seeds: Tensor) -> State:
        return {"seeds": seeds}

    def saliency(self, params: Params, state: State, layer: Layer) -> Tensor:
        """(P, units): the smallest go first."""
        return unit_matrix(params, layer).square().mean(2).sqrt()

    def finish(self, params: Params, state: State, knobs: Knobs) -> None:
        """Of the global ranking the first layer's share goes; a layer keeps at least one unit."""
        saliencies = [self.saliency(params, state, layer) for layer in self.layers]
        share = knobs["sparsity"]
        local = [_smallest(s, share[:, i]) for i, s in enumerate(saliencies)]
        sizes = [s.shape[1] for s in saliencies]
        everywhere = torch.split(_smallest(torch.cat(saliencies, 1), share[:, 0]), sizes, 1)
        layerwise = (knobs["scope"] == 1).unsqueeze(1)
        for layer, saliency, by_layer, by_rank in zip(self.layers, saliencies, local, everywhere, strict=True):
            gone = torch.where(layerwise, by_layer, by_rank)
            gone = gone & (saliency < saliency.max(1, keepdim=True).values)
            for name in layer.rows:
                params[name][gone] = 0


class RandomPruning(MagnitudePruning):
    name = "random"
    title = "Random pruning baseline: any units go, once"
    knobs: ClassVar[dict[str, Knob]] = MagnitudePruning.knobs

    def saliency(self, params: Params, state: State, layer: Layer) -> Tensor:
        return uniform(state["seeds"], (layer.units,), _PURPOSE, self.graph.layers.index(layer))


def _smallest(saliency: Tensor, share: Tensor) -> Tensor:
    """(P, n) bool: the round(share * n) smallest of each lane."""
    rank = saliency.argsort(1).argsort(1)
    return rank < (share * saliency.shape[1]).round().unsqueeze(1)
