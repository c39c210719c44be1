"""CGES: lambda * sum_l sum_g [gamma_l ||W_g||_2 + (1 - gamma_l)/2 ||W_g||_1^2] (Yoon & Hwang 2017)."""

from search_spaces.space import Suggest, learning_rate


def space(suggest: Suggest) -> None:
    learning_rate(suggest)
    suggest.number(
        "lambda",
        1e-2,
        1,
        why="digits: from nearly no unit lost to nearly all (MNIST: 6e-5, at 10 times the lr, 20 the steps)",
    )
    suggest.number(
        "m", 0, 0.5, why="exclusive share m + (1-2m) l/(L-1), from steep (0) to the same in all layers (.5); paper: .2"
    )
    suggest.fixed("update", why="the paper's two steps in a row, or the prox of both terms together")
    suggest.per_layer("group_scale", why="the reference code scales its four layers by 1, 1, 1/15, 1/144")
    suggest.per_layer("exclusive_scale", why="the reference code scales its four layers by 1, .5, 15, 144")
