"""How much the pruning baselines remove and where; which units, is the method's own."""

from search_spaces.space.learning_rate import learning_rate
from search_spaces.space.parameter import FRACTION
from search_spaces.space.suggest import Suggest


def unit_pruning(suggest: Suggest) -> None:
    learning_rate(suggest)
    scope = suggest.fixed(
        "scope",
        "global",
        choices=("global", "layerwise"),
        why="one ranking over all layers, or a share of each",
    )
    ways = [["sparsity"], ["sparsity_first", "sparsity_rest"], suggest.numbered("sparsity")]
    way = suggest.spelling(*ways) if scope == "layerwise" else 0
    if way:
        for name in ways[way]:
            suggest.fixed(name, 0.0, limits=FRACTION, why="share of one layer's units removed")
    else:
        suggest.float(
            "sparsity",
            0,
            0.95,
            limits=FRACTION,
            why="share of the hidden units removed: the whole axis, for a whole front",
        )
