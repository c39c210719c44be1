"""DropNeuron: l1 ||W||_1 + l2/2 ||W||^2 + dn (lo + li), fully connected layers only (Pan, Dong & Guo 2016)."""

from search_spaces.space import Suggest, learning_rate, rounded

L1, DN = (3e-4, 1.0), (3e-3, 12.0)
"""Times the loss of an untrained network, over the epochs: what the paper's four experiments and digits share."""


def space(suggest: Suggest) -> None:
    learning_rate(suggest)
    unit = suggest.scale.loss / suggest.scale.epochs
    low, high = (rounded(end * unit) for end in L1)
    suggest.number(
        "l1", low, high, why="3e-4 .. 1 times loss/epochs; the paper takes 1e-5 .. 2e-4 on MNIST, 50 in the regression"
    )
    suggest.fixed("scale", why="the reference code multiplies every coefficient by it")
    suggest.fixed("l2", why="0 in all of the paper's experiments")
    low, high = (rounded(end * unit) for end in DN)
    suggest.number(
        "dn",
        low,
        high,
        why=".003 .. 12 times loss/epochs; the paper takes 1e-5 .. 5e-4 on MNIST, 250 in the regression",
    )
    suggest.per_layer("dn_layer", why="factor of a layer on dn, 1 where nothing is said")
    suggest.number(
        "ratio", 0.2, 0.8, why="share of li (incoming weights) against lo (outgoing); the paper weights both alike, .5"
    )
    suggest.number(
        "threshold",
        1e-3,
        3e-2,
        why="smaller weights end as 0; the paper takes .005 .. .01, but Adam leaves them within lr of 0",
    )
    suggest.fixed("update", why="the paper descends the whole cost with Adam; proximal steps give exact zeros")
