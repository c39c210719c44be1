"""Sparse group lasso: the group lasso plus an l1 term, so that weights vanish inside the units that stay."""

from trainables.declarations.declaration import FRACTION, Declaration, Knob
from trainables.declarations.group_lasso import declaration as group_lasso

declaration = Declaration(
    name="sparse_group_lasso",
    title="Sparse group lasso: whole units and single weights (Alvarez & Salzmann 2016)",
    reference="Alvarez, Salzmann: Learning the number of neurons in deep networks, NIPS 2016",
    knobs=(*group_lasso.knobs, Knob("alpha", 0.5, "share of the l1 term", FRACTION)),
    class_name="SparseGroupLasso",
    examples=(
        {"lambda": 0.01},
        {"lambda": 0.02, "alpha": 0.2, "cadence": "epoch", "beta": 0.5},
        {"lambda": 0.01, "alpha": 1.0, "weighting": "mean"},
    ),
    strength="lambda",
    off={"lambda": 0.0},
)
