"""DropNeuron: group penalties on what comes into and what goes out of every unit (Pan, Dong & Guo 2016).

Penalty: s * sum_l [ l1 ||theta_l||_1 + l2/2 ||theta_l||_2^2 + d_l dn (2 r li(W_l) + 2 (1 - r) lo(W_l)) ] over the fully
connected layers. li sums the norms of the incoming weights of each output unit, lo those of the outgoing weights of
each input unit, and r = 1/2 weights them alike, as published. theta = [W, b], as in the reference code; li, lo and the
threshold leave biases alone. The code multiplies every coefficient by s = 0.1, and the paper's arguments are those of
the code; so they are here.

The paper descends the whole cost with Adam, and weights below a threshold end as zero. The norms carry an epsilon,
since the square root has no gradient at zero. The proximal variant takes li and lo one after the other, which is not
the joint prox.

Where a study asks for it (`Setting.groups`) groups of these kinds - units of convolutions, channels that skip
connections add up, attention heads - have the same two terms: li of all that computes a group, lo of the columns that
read it; the threshold then acts on all numbers of both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from trainables.declarations import declared
from trainables.groups import Layer, Reader, group_squares, joint, readers, scale_groups
from trainables.math import prox
from trainables.methods.base import Clock, Method, Params, State
from trainables.methods.knobs import Knobs


class DropNeuron(Method):
    declaration = declared("drop_neuron")
    prunes_at_end = True
    constant = tuple(f"{n}_{how}" for n in ("single", "square", "incoming", "outgoing") for how in ("penalty", "step"))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Those of the paper, then the first of each set that a study adds."""
        return (*self.linear, *(members[0] for members, _ in self.groups))

    @cached_property
    def linear(self) -> tuple[Layer, ...]:
        return tuple(layer for layer in self.graph.layers if layer.kind == "linear")

    @cached_property
    def groups(self) -> tuple[tuple[tuple[Layer, ...], tuple[Reader, ...]], ...]:
        """The sets that a study adds, each with what reads it."""
        wanted = (members for members in self.added if joint(members) or members[0].kind == "conv")
        return tuple((members, readers(self.graph, members)) for members in wanted)

    def init(self, params: Params, knobs: Knobs, seeds: Tensor) -> State:
        groups = 2 * knobs["dn"].unsqueeze(1) * knobs["dn_layer"]
        ratio = knobs["ratio"].unsqueeze(1)
        strengths = {
            "single": knobs["l1"].unsqueeze(1).expand_as(groups),
            "square": knobs["l2"].unsqueeze(1).expand_as(groups),
            "incoming": ratio * groups,
            "outgoing": (1 - ratio) * groups,
        }
        scale, proximal = knobs["scale"].unsqueeze(1), knobs.chosen("update", "proximal").unsqueeze(1)
        return {f"{name}_penalty": scale * value * ~proximal for name, value in strengths.items()} | {
            f"{name}_step": scale * value * proximal for name, value in strengths.items()
        }

    def penalty(self, params: Params, state: State, knobs: Knobs) -> Tensor | None:
        if not knobs.some("update", "subgradient"):
            return None
        terms = [
            ("single", torch.stack([_sums(params, layer, Tensor.abs) for layer in self.linear], 1)),
            ("incoming", torch.stack([prox.group_norm(params[layer.weight]).sum(1) for layer in self.linear], 1)),
            ("outgoing", torch.stack([prox.group_norm(params[layer.weight].mT).sum(1) for layer in self.linear], 1)),
        ]
        if any(knobs.plain("l2")):
            squares = torch.stack([_sums(params, layer, Tensor.square) for layer in self.linear], 1)
            terms.append(("square", squares / 2))
        linear = len(self.linear)
        found = torch.stack([(state[f"{name}_penalty"][:, :linear] * value).sum(1) for name, value in terms]).sum(0)
        return found + self._of_groups(params, state) if self.groups else found

    def _of_groups(self, params: Params, state: State) -> Tensor:
        """(P,): li and lo of the sets that a study adds."""
        total = params[self.layers[0].weight].new_zeros(len(params[self.layers[0].weight]))
        for index, (members, reading) in enumerate(self.groups, len(self.linear)):
            terms = (("incoming", group_squares(params, members)), ("outgoing", _read(params, members, reading)))
            for name, squares in terms:
                total = total + state[f"{name}_penalty"][:, index] * prox.root(squares).sum(1)
        return total

    def penalty_gradients(self, params: Params, state: State, knobs: Knobs) -> Params:
        """As autograd finds them, to the bit, in a third of its passes over the weights."""
        if not knobs.some("update", "subgradient"):
            return {}
        found: Params = {}
        for index, layer in enumerate(self.linear):
            single, square, incoming, outgoing = (
                state[f"{name}_penalty"][:, index].unsqueeze(1) for name in ("single", "square", "incoming", "outgoing")
            )
            weight = params[layer.weight]
            squares = weight.square()
            gradient = weight * (outgoing / prox.root(squares.sum(1))).unsqueeze(1)
            if any(knobs.plain("l2")):
                gradient = weight * square.unsqueeze(2) + gradient
            gradient.add_(torch.mul(weight, (incoming / prox.root(squares.sum(2))).unsqueeze(2), out=squares))
            found[layer.weight] = gradient.add_(torch.sign(weight, out=squares).mul_(single.unsqueeze(2)))
            if layer.bias:
                bias = params[layer.bias]
                of_signs = bias.sign().mul_(single)
                found[layer.bias] = bias * square + of_signs if any(knobs.plain("l2")) else of_signs
        for name, gradient in self._gradients_of_groups(params, state).items():
            found[name] = found[name].add_(gradient) if name in found else gradient
        return found

    def _gradients_of_groups(self, params: Params, state: State) -> Params:
        if not self.groups:
            return {}
        leaves = {name: tensor.detach().requires_grad_() for name, tensor in params.items()}
        with torch.enable_grad():
            total = self._of_groups(leaves, state).sum()
            gradients = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
        return {name: gradient for name, gradient in zip(leaves, gradients, strict=True) if gradient is not None}

    def after_step(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        if not knobs.some("update", "proximal"):
            return
        for index, layer in enumerate(self.linear):
            single, square, incoming, outgoing = (
                (clock.lr * state[f"{name}_step"][:, index]).unsqueeze(1)
                for name in ("single", "square", "incoming", "outgoing")
            )
            weight = params[layer.weight]
            by_output = prox.sparse_group(weight, single, incoming)
            weight.copy_(prox.group(by_output.mT, outgoing).mT / (1 + square).unsqueeze(2))
            if layer.bias:
                bias = params[layer.bias]
                bias.copy_(prox.soft(bias, single.squeeze(1)) / (1 + square))
        for index, (members, reading) in enumerate(self.groups, len(self.linear)):
            incoming, outgoing = (
                (clock.lr * state[f"{name}_step"][:, index]).unsqueeze(1) for name in ("incoming", "outgoing")
            )
            scale_groups(params, members, prox.group_scale(group_squares(params, members).sqrt(), incoming))
            scale = prox.group_scale(_read(params, members, reading).sqrt(), outgoing)
            for reader in reading:
                weight = params[reader.layer.weight]
                weight.mul_(reader.spread(scale, weight.dim()))

    def finish(self, params: Params, state: State, knobs: Knobs) -> None:
        names = [layer.weight for layer in self.linear]
        for members, reading in self.groups:
            names += [name for layer in members for name in (layer.weight, layer.bias) if name]
            names += [part.name for part in members[0].besides] + [reader.layer.weight for reader in reading]
        for name in dict.fromkeys(names):
            tensor = params[name]
            tensor[tensor.abs() < knobs["threshold"].reshape(-1, *[1] * (tensor.dim() - 1))] = 0


def _read(params: Params, members: tuple[Layer, ...], reading: tuple[Reader, ...]) -> Tensor:
    """(P, groups): the sum of squares of the columns that read each group of a set."""
    none = torch.zeros_like(params[members[0].weight].flatten(1)[:, :1]).expand(-1, members[0].count)
    return sum((reader.squares(params, members[0].count) for reader in reading), none)


def _sums(params: Params, layer: Layer, each: Callable[[Tensor], Tensor]) -> Tensor:
    """(P,): sum of ``each`` over the weights and biases of a layer."""
    total = each(params[layer.weight]).sum((1, 2))
    return total + each(params[layer.bias]).sum(1) if layer.bias else total
