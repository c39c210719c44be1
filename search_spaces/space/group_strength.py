"""lambda of the group penalties, on the scale that steps, sizes, weighting and cadence imply.

A proximal step shrinks the norm of a group by lr * lambda * beta * weight. Norms start between .5 and 1, and what the
data do not hold up is gone once the sum of all steps has reached that: the range is the sum divided by the rest.
"""

from search_spaces.space.learning_rate import middle_rate
from search_spaces.space.scale import rounded
from search_spaces.space.suggest import Suggest

SHRINKAGE = (0.5, 100)
"""What the proximal steps of a training take from a norm in all. Published: 37 (Dwork), 35 (ICDAR)."""


def group_strength(suggest: Suggest) -> None:
    weighting = suggest.fixed(
        "weighting", why="sqrt(P) makes groups of different size comparable; mean is Dwork's lambda/n"
    )
    cadence = suggest.fixed(
        "cadence", why="after each minibatch, the proximal gradient method; after each epoch takes betas of .01 .. 10"
    )
    scale = suggest.scale
    weight = {"sqrt": scale.root_size, "mean": 1 / scale.units, "none": 1.0}[str(weighting)]
    times = {"step": scale.steps, "epoch": scale.epochs}[str(cadence)]
    low, high = (rounded(total / (middle_rate(suggest) * weight * times)) for total in SHRINKAGE)
    suggest.number("lambda", low, high, why="all proximal steps of a training take .5 .. 100 from a group's norm")
