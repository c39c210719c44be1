"""Group lasso by stochastic proximal gradient: one group per unit, its incoming weights and its bias.

Heads of attentions, gated units and tied channels are groups of rows in several layers, each one term under its norm.

Penalty: lambda * sum_l beta_l * w_l * sum_n ||theta_l^n||_2, with w_l = sqrt(P_l) (Alvarez & Salzmann 2016, alpha = 0;
P_l weights per unit, bias included) or w_l = 1/n for all layers (Dwork 2018; n units in the network), or 1.

The proximal step with step size lr follows the optimiser's step. That is proximal gradient for plain SGD; under
momentum or Adam it is the customary heuristic (Yun et al. 2021 treat it exactly).
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainables.declarations import declared
from trainables.groups import group_size, group_squares, joint, scale_groups
from trainables.math import prox
from trainables.methods.base import Clock, Method, Params, State
from trainables.methods.continuation import continued, grows
from trainables.methods.knobs import Knobs


class GroupLasso(Method):
    """Alvarez & Salzmann, eqs. 2-3 and 5-6; `SparseGroupLasso` gives the l1 term a share."""

    declaration = declared("group_lasso")
    constant = ("group_step", "single_step", "group_epoch", "single_epoch")

    def init(self, params: Params, knobs: Knobs, seeds: Tensor) -> State:
        """Strengths (P, layers) of the terms that act in any lane, by term and cadence."""
        sizes = torch.tensor(
            [group_size(members) if joint(members) else members[0].size for members in self.sets], dtype=torch.float32
        )
        units = sum(members[0].count if joint(members) else members[0].units for members in self.sets)
        weights = {"sqrt": sizes.sqrt(), "mean": torch.full_like(sizes, 1 / units), "none": torch.ones_like(sizes)}
        weight, alpha = knobs.pick("weighting", weights).to(seeds.device), self.l1_share(knobs)
        strength = knobs["lambda"].unsqueeze(1) * knobs["beta"]
        group, single = (1 - alpha).unsqueeze(1) * strength * weight, alpha.unsqueeze(1) * strength
        every_step = knobs.chosen("cadence", "step").unsqueeze(1)
        strengths = {
            "group_step": group * every_step,
            "single_step": single * every_step,
            "group_epoch": group * ~every_step,
            "single_epoch": single * ~every_step,
        }
        return {name: strength for name, strength in strengths.items() if bool(strength.any())}

    def l1_share(self, knobs: Knobs) -> Tensor:
        """(P,): alpha, the share of the penalty that is on single weights."""
        return torch.zeros_like(knobs["lambda"])

    def after_step(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        self._proximal(params, self._lr(knobs, clock), state, "step")

    def after_epoch(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        self._proximal(params, self._lr(knobs, clock), state, "epoch")

    def _lr(self, knobs: Knobs, clock: Clock) -> Tensor:
        """(P,): the step size, with the factor on lambda that a continuation has reached."""
        if not grows(knobs):
            return clock.lr
        done = torch.full((), clock.epoch / self.setting.epochs, device=clock.lr.device)
        return clock.lr * continued(knobs, done)

    def _proximal(self, params: Params, lr: Tensor, state: State, cadence: str) -> None:
        """theta <- group(soft(theta, lr * single), lr * group) for every unit of every layer."""
        strengths = {
            term: (lr.unsqueeze(1) * state[f"{term}_{cadence}"]).unsqueeze(1).unbind(2)
            for term in ("single", "group")
            if f"{term}_{cadence}" in state
        }
        for index, members in enumerate(self.sets if strengths else ()):
            if joint(members):
                for layer in members if "single" in strengths else ():
                    bias = params[layer.bias] if layer.bias else None
                    _soft(params[layer.weight], bias, strengths["single"][index])
                if "group" in strengths:
                    squares = group_squares(params, members)
                    scale = prox.group_scale(squares.sqrt(), strengths["group"][index])
                    scale_groups(params, members, scale)
                continue
            (layer,) = members
            weight, bias = params[layer.weight], params[layer.bias] if layer.bias else None
            if "single" in strengths:
                _soft(weight, bias, strengths["single"][index])
            if "group" in strengths:
                _shrink(weight, bias, strengths["group"][index])


def _soft(weight: Tensor, bias: Tensor | None, strength: Tensor) -> None:
    """`prox.soft` in place: numbers lose what of them is within the bounds."""
    bound = strength.reshape(strength.shape + (1,) * (weight.dim() - 2))
    weight.sub_(prox.within(weight, bound))
    if bias is not None:
        bias.sub_(prox.within(bias, strength))


def _shrink(weight: Tensor, bias: Tensor | None, strength: Tensor) -> None:
    """Units are weight and bias together, in two tensors: scaled in place rather than copied into one."""
    norm = torch.linalg.vector_norm(weight.flatten(2), dim=2)
    scale = prox.group_scale(norm if bias is None else norm.hypot(bias), strength)
    weight.mul_(scale.reshape(scale.shape + (1,) * (weight.dim() - 2)))
    if bias is not None:
        bias.mul_(scale)
