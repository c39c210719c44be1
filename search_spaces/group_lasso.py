"""Group lasso: lambda * sum_l beta_l * weight * sum_g ||theta_g||_2 (Dwork 2018)."""

from search_spaces.space import Suggest, continuation, group_strength, layer_weights, learning_rate


def space(suggest: Suggest) -> None:
    learning_rate(suggest)
    group_strength(suggest)
    continuation(suggest)
    layer_weights(suggest)
