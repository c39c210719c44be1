"""DropNeuron: group penalties on what comes into and what goes out of every unit (Pan, Dong & Guo 2016).

Penalty: s * [ l1 ||W||_1 + l2 ||W||_2^2 + dn (2 r li + 2 (1 - r) lo) ] over the fully connected layers, biases free:
li sums the norms of the incoming weights of each output unit, lo those of the outgoing weights of each input unit, and
r = 1/2 weights them alike, as published. The reference code multiplies every coefficient by s = 0.1, and the paper's
arguments are its arguments; so they are here.

The paper descends the whole cost with Adam, and weights below a threshold end as zero. The norms carry an epsilon, since
the square root has no gradient at zero. The proximal variant takes li and lo one after the other, which is not the joint prox.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from trainables import prox
from trainables.groups import Layer
from trainables.methods.base import Clock, Knob, Knobs, Method, Params, State


class DropNeuron(Method):
    name = "drop_neuron"
    title = "DropNeuron: in- and outgoing group penalties, fully connected layers (Pan et al. 2016)"
    reference = "Pan, Dong, Guo: DropNeuron: simplifying the structure of deep neural networks, 2016"
    knobs: ClassVar[dict[str, Knob]] = {
        "l1": Knob(0.0, "strength on single weights", low=0.0),
        "l2": Knob(0.0, "strength of the squared norm", low=0.0),
        "dn": Knob(0.0, "strength of li + lo", low=0.0),
        "ratio": Knob(0.5, "share of li against lo", low=0.0, high=1.0),
        "threshold": Knob(0.01, "at the end smaller weights become zero", low=0.0),
        "update": Knob(
            "subgradient", "descend the penalty or take proximal steps", choices=("subgradient", "proximal")
        ),
        "scale": Knob(0.1, "factor on all strengths, 0.1 in the reference code", low=0.0),
    }

    @property
    def layers(self) -> tuple[Layer, ...]:
        return tuple(layer for layer in self.graph.layers if layer.kind == "linear")

    def init(self, params: Params, knobs: Knobs, seeds: Tensor) -> State:
        proximal = knobs["update"] == 1
        self.descends, self.shrinks = bool((~proximal).any()), bool(proximal.any())
        strengths = {
            "single": knobs["l1"],
            "square": knobs["l2"],
            "incoming": 2 * knobs["ratio"] * knobs["dn"],
            "outgoing": 2 * (1 - knobs["ratio"]) * knobs["dn"],
        }
        strengths = {name: value * knobs["scale"] for name, value in strengths.items()}
        return {f"{name}_penalty": value * ~proximal for name, value in strengths.items()} | {
            f"{name}_step": value * proximal for name, value in strengths.items()
        }

    def penalty(self, params: Params, state: State, knobs: Knobs) -> Tensor | None:
        if not self.descends:
            return None
        terms = [_terms(params[layer.weight], state) for layer in self.layers]
        return torch.stack(terms).sum()

    def after_step(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        if not self.shrinks:
            return
        single, square, incoming, outgoing = (
            (clock.lr * state[f"{name}_step"]).unsqueeze(1)
            for name in ("single", "square", "incoming", "outgoing")
        )
        for layer in self.layers:
            weight = params[layer.weight]
            by_output = prox.group(prox.soft(weight, single), incoming)
            by_input = prox.group(by_output.transpose(1, 2), outgoing)
            weight.copy_(by_input.transpose(1, 2) / (1 + 2 * square).unsqueeze(2))

    def finish(self, params: Params, state: State, knobs: Knobs) -> None:
        for layer in self.layers:
            weight = params[layer.weight]
            weight[weight.abs() < knobs["threshold"].reshape(-1, 1, 1)] = 0


def _terms(weight: Tensor, state: State) -> Tensor:
    """The penalty of one lane's ``weight`` (out, in)."""
    return (
        state["single_penalty"] * weight.abs().sum()
        + state["square_penalty"] * weight.square().sum()
        + state["incoming_penalty"] * prox.group_norm(weight).sum()
        + state["outgoing_penalty"] * prox.group_norm(weight.T).sum()
    )
