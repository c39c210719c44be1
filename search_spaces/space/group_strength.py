"""lambda of the group penalties, on the scale that the groups' weighting and the prox's cadence imply.

A step shrinks the norm of a group by lr * lambda * beta * weight; weight is sqrt(P), 1/n or 1 for a group of
P weights in a network of n units, and the norms start between .5 and 1.
"""

from search_spaces.space.suggest import Suggest

# Equal shrinkage, for the groups of P = 65 .. 129 weights and the n = 202 units of the digits network.
WEIGHTING = {"sqrt": 1, "none": 10, "mean": 2000}
CADENCE = {"step": 1, "epoch": 30}  # an epoch of digits is about 34 minibatches of 32


def group_strength(suggest: Suggest) -> None:
    weighting = suggest.fixed(
        "weighting", why="sqrt(P) makes groups of different size comparable; mean is Dwork's lambda/n"
    )
    cadence = suggest.fixed(
        "cadence", why="after each minibatch, the proximal gradient method; after each epoch takes betas of .01 .. 10"
    )
    scale = WEIGHTING[str(weighting)] * CADENCE[str(cadence)]
    suggest.number(
        "lambda",
        5e-3 * scale,
        5e-1 * scale,
        why="digits: from nearly no unit lost to all; follows weighting and cadence",
    )
