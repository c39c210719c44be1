"""beta, a penalty's strength by layer (Alvarez & Salzmann 2016): of all, of first and rest, or of each."""

from search_spaces.space.suggest import Suggest


def layer_weights(suggest: Suggest) -> None:
    ways = [["beta"]]
    if suggest.layers > 1:
        ways = [["beta_first", "beta_rest"], *ways, suggest.numbered("beta")]
    for name in ways[suggest.spelling(*ways)]:
        if name == "beta_first":
            suggest.float(
                name,
                0.2,
                2,
                log=True,
                why="the paper spares first layers: .102/.255, 5.1/10.2 of the rest; 1 treats all alike",
            )
        else:
            suggest.fixed(name, 1.0, why="lambda is the strength, beta only its distribution", log=True)
