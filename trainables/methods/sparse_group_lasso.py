"""Sparse group lasso: the group lasso plus an l1 term, so that weights vanish inside the units that stay.

Penalty: lambda * sum_l beta_l * [(1 - alpha) * w_l * sum_n ||theta_l^n||_2 + alpha * ||theta_l||_1].
"""

from __future__ import annotations

from torch import Tensor

from trainables.declarations import declared
from trainables.methods.group_lasso import GroupLasso
from trainables.methods.knobs import Knobs


class SparseGroupLasso(GroupLasso):
    declaration = declared("sparse_group_lasso")

    def l1_share(self, knobs: Knobs) -> Tensor:
        return knobs["alpha"]
