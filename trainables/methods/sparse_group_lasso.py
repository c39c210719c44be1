"""Sparse group lasso: the group lasso plus an l1 term, so that weights vanish inside the units that stay.

Penalty: lambda * sum_l beta_l * [(1 - alpha) * w_l * sum_n ||theta_l^n||_2 + alpha * ||theta_l||_1].
"""

from __future__ import annotations

from typing import ClassVar

from trainables.methods.base import Knob
from trainables.methods.group_lasso import GroupLasso


class SparseGroupLasso(GroupLasso):
    name = "sparse_group_lasso"
    title = "Sparse group lasso: whole units and single weights (Alvarez & Salzmann 2016)"
    reference = "Alvarez, Salzmann: Learning the number of neurons in deep networks, NIPS 2016"
    knobs: ClassVar[dict[str, Knob]] = GroupLasso.knobs | {
        "alpha": Knob(0.5, "share of the l1 term", low=0.0, high=1.0)
    }
