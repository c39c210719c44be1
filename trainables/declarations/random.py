"""Random pruning: any units go, the floor that every other criterion has to beat."""

from trainables.declarations.declaration import Declaration
from trainables.declarations.magnitude import declaration as magnitude

declaration = Declaration(
    name="random",
    title="Random pruning baseline: any units go, once",
    reference=magnitude.reference,
    kind="pruning",
    knobs=magnitude.knobs,
    class_name="RandomPruning",
    examples=({"sparsity": 0.5}, {"sparsity_first": 0.25, "sparsity_rest": 0.75, "scope": "layerwise"}),
    removes="sparsity",
    off={"sparsity": 0.0},
)
