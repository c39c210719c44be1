"""The learning rate, which every method searches: a penalty's best rate is not the dense network's."""

import math

from search_spaces.space.scale import rounded
from search_spaces.space.suggest import Suggest

SGD = (5e-3, 3e-1)
ADAM = (0.08, 1.4)
"""Times 1/sqrt(steps): Adam's weights move about lr a step, and as far as a random walk in all."""
LARGEST, SHORTEST = 5e-2, 400


def learning_rate(suggest: Suggest) -> None:
    if suggest.scale.optimizer == "sgd":
        suggest.number("lr", *SGD, why="of SGD, with momentum or not; .01 .. .1 in the papers, .02 .. .2 on digits")
        return
    root = math.sqrt(max(suggest.scale.steps, SHORTEST))
    low, high = (rounded(min(end / root, LARGEST)) for end in ADAM)
    suggest.number(
        "lr", low, high, why=".08 .. 1.4 over the root of the steps; the papers take 1e-3 for 8,000 to 230,000"
    )


def middle_rate(suggest: Suggest) -> float:
    """The middle of the range of rates, times the mean factor of the schedule."""
    low, high = suggest.parameters["lr"].bounds
    return math.sqrt(low * high) * suggest.scale.factor
