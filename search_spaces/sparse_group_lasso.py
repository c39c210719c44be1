"""Sparse group lasso: group lasso with a share alpha on single weights (Alvarez & Salzmann 2016)."""

from search_spaces.space import Suggest, continuation, group_strength, layer_weights, learning_rate


def space(suggest: Suggest) -> None:
    learning_rate(suggest)
    group_strength(suggest)
    continuation(suggest)
    layer_weights(suggest)
    suggest.number("alpha", 0, 1, why="0 is group lasso, 1 is lasso; the paper takes .5")
