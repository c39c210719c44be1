"""CGES: lambda * sum_l sum_g [gamma_l ||W_g||_2 + (1 - gamma_l)/2 ||W_g||_1^2] (Yoon & Hwang 2017)."""

from search_spaces.space import Suggest, learning_rate, middle_rate, rounded

SHRINKAGE = (2, 500)
"""A step shrinks a weight by about lr * lambda/2 times its group's length relative to itself; over all steps, this."""


def space(suggest: Suggest) -> None:
    learning_rate(suggest)
    scale = suggest.scale
    low, high = (rounded(t / (middle_rate(suggest) * scale.outgoing / 2 * scale.steps)) for t in SHRINKAGE)
    suggest.number(
        "lambda",
        low,
        high,
        why="lr lambda/2 times the length of a group, over all steps: 2 .. 500; 25 on MNIST in the paper",
    )
    suggest.number(
        "m", 0, 0.5, why="exclusive share m + (1-2m) l/(L-1), from steep (0) to the same in all layers (.5); paper: .2"
    )
    suggest.fixed("update", why="the paper's two steps in a row, or the prox of both terms together")
    suggest.per_layer("group_scale", why="the reference code scales its four layers by 1, 1, 1/15, 1/144")
    suggest.per_layer("exclusive_scale", why="the reference code scales its four layers by 1, .5, 15, 144")
