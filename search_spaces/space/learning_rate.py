"""The learning rate, which every method searches: a penalty's best rate is not the dense network's."""

from search_spaces.space.suggest import Suggest


def learning_rate(suggest: Suggest) -> None:
    suggest.number(
        "lr",
        2e-3,
        3e-2,
        why="for Adam: less does not converge in 60 epochs of digits, more scatters (SGD wants .01 .. .2)",
    )
