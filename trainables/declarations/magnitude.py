"""Magnitude pruning: the units with the least root mean square weight go, once."""

from trainables.declarations.declaration import FRACTION, Declaration, Knob

declaration = Declaration(
    name="magnitude",
    title="Magnitude pruning baseline: units with the smallest weights go, once",
    reference="Blalock et al.: What is the state of neural network pruning?, MLSys 2020",
    kind="pruning",
    knobs=(
        Knob("sparsity", 0.0, "share of the hidden units removed", FRACTION, per_layer=True),
        Knob("scope", "global", "one ranking, or each layer loses its own share", choices=("global", "layerwise")),
    ),
    class_name="MagnitudePruning",
    examples=({"sparsity": 0.5}, {"sparsity_1": 0.25, "sparsity_2": 0.75, "scope": "layerwise"}),
    removes="sparsity",
    off={"sparsity": 0.0},
)
