"""Sparse group lasso: group lasso with a share alpha on single weights (Alvarez & Salzmann 2016)."""

from search_spaces.group_strength import group_strength
from search_spaces.layer_weights import layer_weights
from search_spaces.learning_rate import learning_rate
from search_spaces.parameter import FRACTION
from search_spaces.suggest import Suggest


def space(suggest: Suggest) -> None:
    learning_rate(suggest)
    group_strength(suggest)
    layer_weights(suggest)
    suggest.float("alpha", 0, 1, limits=FRACTION, why="0 is group lasso, 1 is lasso; the paper takes .5")
