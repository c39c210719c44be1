"""Group lasso by stochastic proximal gradient: one group per unit, its incoming weights and its bias.

Penalty: lambda * sum_l beta_l * w_l * sum_n ||theta_l^n||_2, with w_l = sqrt(P_l) (Alvarez & Salzmann 2016, alpha = 0;
P_l weights per unit, bias included) or w_l = 1/n for all layers (Dwork 2018; n units in the network), or 1.

The proximal step with step size lr follows the optimiser's step. That is proximal gradient for plain SGD; under
momentum or Adam it is the customary heuristic (Yun et al. 2021 treat it exactly).
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from trainables.math import prox
from trainables.methods.base import Clock, Knob, Knobs, Method, Params, State


class GroupLasso(Method):
    """Alvarez & Salzmann, eqs. 2-3 and 5-6; `sparse_group_lasso` adds the knob alpha and with it the l1 term."""

    name = "group_lasso"
    title = "Group lasso by proximal gradient: whole units (Dwork 2018; Alvarez & Salzmann 2016)"
    reference = "Dwork: Neuronal death, 2018; Alvarez, Salzmann: Learning the number of neurons, NIPS 2016"
    knobs: ClassVar[dict[str, Knob]] = {
        "lambda": Knob(0.0, "strength of the penalty", low=0.0),
        "beta": Knob(1.0, "relative strength of a layer", low=0.0, per_layer=True),
        "weighting": Knob("sqrt", "weight of a group: sqrt(P_l), 1/n or 1", choices=("sqrt", "mean", "none")),
        "cadence": Knob("step", "proximal step after every minibatch or epoch", choices=("step", "epoch")),
    }

    def init(self, params: Params, knobs: Knobs, seeds: Tensor) -> State:
        sizes = torch.tensor([layer.size for layer in self.layers], dtype=torch.float32)
        units = sum(layer.units for layer in self.layers)
        weights = torch.stack([sizes.sqrt(), torch.full_like(sizes, 1 / units), torch.ones_like(sizes)])
        weight = weights.to(seeds.device)[knobs["weighting"]]
        alpha = knobs["alpha"] if "alpha" in knobs else torch.zeros_like(knobs["lambda"])
        strength = knobs["lambda"].unsqueeze(1) * knobs["beta"]
        group, single = (1 - alpha).unsqueeze(1) * strength * weight, alpha.unsqueeze(1) * strength
        every_step = (knobs["cadence"] == 0).unsqueeze(1)
        strengths = {
            "group_step": group * every_step,
            "single_step": single * every_step,
            "group_epoch": group * ~every_step,
            "single_epoch": single * ~every_step,
        }
        self.acting = {name for name, strength in strengths.items() if bool(strength.any())}
        return strengths

    def after_step(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        self._proximal(params, clock.lr, state, "step")

    def after_epoch(self, params: Params, state: State, knobs: Knobs, clock: Clock) -> None:
        self._proximal(params, clock.lr, state, "epoch")

    def _proximal(self, params: Params, lr: Tensor, state: State, cadence: str) -> None:
        """theta <- group(soft(theta, lr * single), lr * group) for every unit of every layer."""
        single, group = f"single_{cadence}", f"group_{cadence}"
        for index, layer in enumerate(self.layers):
            weight, bias = params[layer.weight], params[layer.bias] if layer.bias else None
            if single in self.acting:
                _soft(weight, bias, (lr * state[single][:, index]).unsqueeze(1))
            if group in self.acting:
                _shrink(weight, bias, (lr * state[group][:, index]).unsqueeze(1))


def _soft(weight: Tensor, bias: Tensor | None, strength: Tensor) -> None:
    weight.copy_(prox.soft(weight.flatten(2), strength).view_as(weight))
    if bias is not None:
        bias.copy_(prox.soft(bias.unsqueeze(2), strength).squeeze(2))


def _shrink(weight: Tensor, bias: Tensor | None, strength: Tensor) -> None:
    """Units are weight and bias together, in two tensors: scaled in place rather than copied into one."""
    norm = torch.linalg.vector_norm(weight.flatten(2), dim=2)
    scale = prox.group_scale(norm if bias is None else norm.hypot(bias), strength)
    weight.mul_(scale.reshape(scale.shape + (1,) * (weight.dim() - 2)))
    if bias is not None:
        bias.mul_(scale)
