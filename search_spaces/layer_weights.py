"""beta, a penalty's strength by layer (Alvarez & Salzmann 2016): of all, of first and rest, or of each."""

from search_spaces.suggest import Suggest


def layer_weights(suggest: Suggest) -> None:
    first_and_rest = ["beta_first", "beta_rest"]
    ways = [first_and_rest, ["beta"], suggest.numbered("beta")] if suggest.layers > 1 else [["beta"]]
    match ways[suggest.spelling(*ways)]:
        case names if names is first_and_rest:
            suggest.float(
                "beta_first",
                0.2,
                2,
                log=True,
                why="the paper spares first layers: .102/.255, 5.1/10.2 of the rest; 1 treats all alike",
            )
            suggest.fixed(
                "beta_rest", 1.0, why="lambda is the strength, beta only its distribution", log=True
            )
        case names:
            for name in names:
                suggest.fixed(name, 1.0, why="lambda is the strength, beta only its distribution", log=True)
