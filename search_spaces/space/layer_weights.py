"""beta, a penalty's strength by layer (Alvarez & Salzmann 2016): of all, of first and rest, or of each."""

from search_spaces.space.suggest import Suggest


def layer_weights(suggest: Suggest) -> None:
    whole, halves, each = suggest.method.knob("beta").ways(suggest.layers)
    for name in suggest.spelling(halves, whole, each) if suggest.layers > 1 else whole:
        if name == halves[0]:
            suggest.number(
                name, 0.05, 5, why="the paper spares first layers: .102/.255, 5.1/10.2 of the rest; 1 treats all alike"
            )
        else:
            suggest.fixed(name, why="lambda is the strength, beta only its distribution")
