"""Magnitude pruning by whole units: the baseline that every sparsity method has to beat.

Dense training, then whole units are removed once, and the polish epochs fine-tune what is left. Those with the
least root mean square weight go, bias included. A layer keeps at least one unit.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainables.declarations import declared
from trainables.groups import Layer, group_size, group_squares, joint, remove_groups, unit_matrix
from trainables.methods.base import Method, Params, State
from trainables.methods.knobs import Knobs


class MagnitudePruning(Method):
    declaration = declared("magnitude")
    prunes_at_end = True
    constant = ("seeds",)

    @property
    def sets(self) -> tuple[tuple[Layer, ...], ...]:
        return tuple(members for members in self.graph.sets if members[0].hidden)

    def init(self, params: Params, knobs: Knobs, seeds: Tensor) -> State:
        return {"seeds": seeds}

    def saliency(self, params: Params, state: State, layer: Layer) -> Tensor:
        """(P, units): the smallest go first. Where units go together, (P, groups) of ``layer`` and those tied to it."""
        members = self._members(layer)
        if joint(members):
            return (group_squares(params, members) / group_size(members)).sqrt()
        return unit_matrix(params, layer).square().mean(2).sqrt()

    def _members(self, layer: Layer) -> tuple[Layer, ...]:
        return next(members for members in self.sets if members[0] == layer)

    def finish(self, params: Params, state: State, knobs: Knobs) -> None:
        """Of the global ranking the first layer's share goes; a layer keeps at least one unit."""
        if not self.sets:
            return
        saliencies = [self.saliency(params, state, layer) for layer in self.layers]
        share = knobs["sparsity"]
        local = [_smallest(s, share[:, i]) for i, s in enumerate(saliencies)]
        sizes = [s.shape[1] for s in saliencies]
        everywhere = torch.split(_smallest(torch.cat(saliencies, 1), share[:, 0]), sizes, 1)
        layerwise = knobs.chosen("scope", "layerwise").unsqueeze(1)
        for members, saliency, by_layer, by_rank in zip(self.sets, saliencies, local, everywhere, strict=True):
            gone = torch.where(layerwise, by_layer, by_rank)
            gone = gone & (saliency < saliency.max(1, keepdim=True).values)
            if joint(members):
                remove_groups(params, members, gone)
                continue
            for name in members[0].rows:
                params[name][gone] = 0


def _smallest(saliency: Tensor, share: Tensor) -> Tensor:
    """(P, n) bool: the round(share * n) smallest of each lane."""
    rank = saliency.argsort(1).argsort(1)
    return rank < (share * saliency.shape[1]).round().unsqueeze(1)
