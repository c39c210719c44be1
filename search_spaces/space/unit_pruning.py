"""How much the pruning baselines remove and where; which units, is the method's own."""

from search_spaces.space.learning_rate import learning_rate
from search_spaces.space.suggest import Suggest


def unit_pruning(suggest: Suggest) -> None:
    learning_rate(suggest)
    scope = suggest.choice(
        "scope", why="one ranking over all layers, which may leave a small one next to nothing, or a share of each"
    )
    ways = suggest.method.knob("sparsity").ways(suggest.layers)
    way = suggest.spelling(*ways) if scope == "layerwise" else ways[0]
    if way is not ways[0]:
        for name in way:
            suggest.fixed(name, why="share of one layer's units removed")
    else:
        suggest.number("sparsity", 0, 0.95, why="share of the hidden units removed: the whole axis, for a whole front")
