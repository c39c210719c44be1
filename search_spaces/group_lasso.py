"""Group lasso: lambda * sum_l beta_l * weight * sum_g ||theta_g||_2 (Dwork 2018)."""

from search_spaces.group_strength import group_strength
from search_spaces.layer_weights import layer_weights
from search_spaces.learning_rate import learning_rate
from search_spaces.suggest import Suggest


def space(suggest: Suggest) -> None:
    learning_rate(suggest)
    group_strength(suggest)
    layer_weights(suggest)
