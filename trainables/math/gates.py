"""Stochastic gates of Neural Plasticity Networks (L0-ARM), as pure functions on stacked tensors.

A unit j has a logit phi_j and a gate z_j ~ Bernoulli(pi_j), pi = g_k(phi); training minimises
E_z[L(theta * z)] + sum_j weight * pi_j. g rises, with g(-phi) = 1 - g(phi). k -> 0 makes the gates
dropout(.5), k -> infinity switches.

Shapes: logits ``phi: (P, units)``. What belongs to a lane (k, hard, losses, ...) is a number, (P,) or (P, 1),
and may differ from lane to lane. Under vmap, without the leading P.

References: Li and Ji, "L0-ARM: Network sparsification via stochastic binary optimization", ECML 2019; Li and
Ji, "Neural plasticity networks", IJCNN 2021; Yin and Zhou, "ARM: Augment-REINFORCE-merge gradient for
stochastic binary networks", ICLR 2019.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "BINS",
    "Choice",
    "Lanes",
    "active",
    "antithetic",
    "estimate",
    "evaluate",
    "gate",
    "histogram",
    "initial",
    "sample",
    "slope",
]

Lanes = float | Tensor
"""A number for all lanes, or one per lane."""
Choice = bool | Tensor
"""Likewise of booleans; indices 0 and 1 will do."""
BINS = 20
"""Of `histogram`: each a twentieth of the way from shut to open."""


def gate(phi: Tensor, k: Lanes, hard: Choice = False) -> Tensor:
    """Probability that a unit is on, pi = g_k(phi): sigmoid(k phi), or hard: clip(k phi / 7 + 1/2, 0, 1).

    Args:
        phi: (P, units) logits.
        k: sharpness, per lane.
        hard: which of the two, per lane.
    """
    sharpness = _lanes(k, phi)
    x = torch.where(sharpness.isinf() & (phi == 0), 0, sharpness * phi)
    return torch.where(_lanes(hard, phi, torch.bool), (x / 7 + 0.5).clamp(0, 1), x.sigmoid())


def slope(phi: Tensor, k: Lanes, hard: Choice = False) -> Tensor:
    """dg / dphi: k pi (1 - pi), or hard: k / 7 where 0 < pi < 1 and 0 elsewhere. Arguments as in ``gate``.

    0 for k = infinity, as it is wherever that switch has a derivative.

    ``weight * slope`` is the gradient of the L0 term, sum_j weight * pi_j.
    """
    pi = gate(phi, k, hard)
    inside = (pi > 0) & (pi < 1)
    sharpness = _finite(_lanes(k, phi))
    return sharpness * torch.where(_lanes(hard, phi, torch.bool), inside.to(pi.dtype) / 7, pi * (1 - pi))


def sample(pi: Tensor, u: Tensor) -> Tensor:
    """z = 1[u < pi], in the dtype of pi. ``u``: (P, units) uniform on [0, 1)."""
    return (u < pi).to(pi.dtype)


def antithetic(pi: Tensor, u: Tensor) -> Tensor:
    """z = 1[u >= 1 - pi], the mirror image of ``sample`` for the same u: also Bernoulli(pi)."""
    # >= because u may be 0 but not 1: with the papers' > a gate with pi = 1 would be off at u = 0.
    return (u >= 1 - pi).to(pi.dtype)


def estimate(f1: Lanes, f2: Lanes, u: Tensor, factor: Lanes, arm: Choice = True) -> Tensor:
    """Gradient of E_z[f(z)] with respect to phi from one draw u -> (P, units).

    ARM: factor (f1 - f2) (u - 1/2). AR, one pass only: factor f2 (1 - 2u).

    As published, the factor is k for either gate. For the sigmoid gate that is unbiased; for the hard gate
    the mean is the gradient times 7 pi (1 - pi). Unbiased for both is d log(pi / (1 - pi)) / dphi, whose variance
    on the hard gate grows as 1 / pi towards the ends.

    Args:
        f1: loss at ``antithetic(pi, u)``, per lane; ignored by AR.
        f2: loss at ``sample(pi, u)``, per lane.
        u: (P, units) the uniforms of both passes.
        factor: k per lane, or (P, units); where it is infinite nothing is learned, and the estimate is 0.
        arm: ARM or AR, per lane.
    """
    first, second = _lanes(f1, u), _lanes(f2, u)
    merged = torch.where(_lanes(arm, u, torch.bool), (first - second) / 2, -second)
    return _finite(_lanes(factor, u)) * merged * (2 * u - 1)


def evaluate(pi: Tensor) -> Tensor:
    """Gates of the evaluated network: pi, and 0 where pi < 1/2."""
    return torch.where(active(pi), pi, 0)


def active(pi: Tensor) -> Tensor:
    """(P, units) bool: the units that the evaluated network has, pi >= 1/2."""
    return pi >= 0.5


def initial(on: Tensor, k: Lanes, *, high: float = 3.0, low: float = -3.0, noise: Lanes = 0.0) -> Tensor:
    """Logits of a network with the given units on: high / k + noise where on, low / k + noise elsewhere.

    The paper's 95 % on or off is sigmoid(+-3), the defaults. Its code hibernates units at low = -40 and adds
    normal noise of standard deviation .01; a unit switched on later gets ``high`` = fill and the same noise.

    Args:
        on: (P, units) bool.
        k: sharpness the network starts with, per lane; infinite is taken as 1.
        high, low: k * phi of units that are on and off.
        noise: (P, units), in the units of phi.
    """
    level = torch.where(on, high, low)
    sharpness = _lanes(k, level)
    return level / torch.where(sharpness.isinf(), 1, sharpness) + _lanes(noise, level)


def histogram(pi: Tensor) -> Tensor:
    """How many gates of each lane have a probability in [i / BINS, (i + 1) / BINS): (P, BINS) int64; 1 is in the last.

    Args:
        pi: (P, gates) probabilities.
    """
    bins = (pi * BINS).long().clamp(0, BINS - 1)
    return torch.zeros(len(pi), BINS, dtype=torch.int64, device=pi.device).scatter_add_(1, bins, torch.ones_like(bins))


def _finite(k: Tensor) -> Tensor:
    """0 in the place of infinity."""
    return torch.where(k.isinf(), 0, k)


def _lanes(value: Lanes | Choice, like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """(P,) -> (P, 1), to broadcast against ``like`` and in its dtype; what has its rank already keeps it."""
    lanes = torch.as_tensor(value, dtype=dtype or like.dtype, device=like.device)
    return lanes.reshape(lanes.shape + (1,) * (like.dim() - lanes.dim()))
