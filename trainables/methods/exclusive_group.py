"""CGES: combined group and exclusive sparsity, over the outgoing weights of each input (Yoon & Hwang 2017).

Penalty: lambda * sum_l sum_g [ g_l * gamma_l * ||W_g||_2 + e_l * (1 - gamma_l)/2 * ||W_g||_1^2 ], biases free,
with the exclusive share 1 - gamma_l = m + (1 - 2m) l/(L-1) growing with depth: lower layers lose whole inputs, in upper
layers the outputs compete for them. g_l and e_l are layer scales, 1 in the paper's text (its code scales the layers of
its MNIST network).

A group is what one input feature, or one tap (cin, kh, kw) of a convolution, sends to all outputs of its layer that
read it: in a grouped convolution those of its own group. A residual channel goes once no layer reads it any more.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainables.declarations import declared
from trainables.groups import Layer
from trainables.math import prox
from trainables.methods.base import Clock, Method, Params, State
from trainables.methods.knobs import Knobs


class ExclusiveGroup(Method):
    declaration = declared("exclusive_group")
    constant = ("group", "exclusive")

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All: its groups are of what a layer reads, whatever its own units are tied to."""
        return self.graph.layers

    def init(self, params: Params, knobs: Knobs, seeds: Tensor) -> State:
        depth = torch.linspace(0, 1, len(self.layers), device=seeds.device)
        m, strength = knobs["m"].unsqueeze(1), knobs["lambda"].unsqueeze(1)
        share = m + (1 - 2 * m) * depth
        return {
            "group": strength * (1 - share) * knobs["group_scale"],
            "exclusive": strength * share * knobs["exclusive_scale"],
        }

    def after_step(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        for index, layer in enumerate(self.layers):
            weight = params[layer.weight]
            lanes, parts = len(weight), layer.groups
            strengths = [(clock.lr * state[term][:, index]).unsqueeze(1) for term in ("group", "exclusive")]
            if parts == 1 and knobs.every("update", "published"):
                prox.cges_(weight.view(lanes, layer.units, -1).mT, *strengths)
                continue
            groups = weight.reshape(lanes, parts, layer.units // parts, -1).transpose(2, 3).flatten(1, 2)
            if knobs.every("update", "published"):
                new = prox.cges(groups, *strengths)
            elif knobs.every("update", "exact"):
                new = prox.group_exclusive(groups, *strengths)
            else:
                joint, published = prox.group_exclusive(groups, *strengths), prox.cges(groups, *strengths)
                new = torch.where(knobs.chosen("update", "exact").reshape(-1, 1, 1), joint, published)
            weight.copy_(new.view(lanes, parts, -1, layer.units // parts).transpose(2, 3).reshape(weight.shape))
