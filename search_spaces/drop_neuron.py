"""DropNeuron: l1 ||W||_1 + l2/2 ||W||^2 + dn (lo + li), fully connected layers only (Pan, Dong & Guo 2016)."""

from search_spaces.space import Suggest, learning_rate


def space(suggest: Suggest) -> None:
    learning_rate(suggest)
    suggest.number("l1", 1e-5, 3e-3, why="1e-5 .. 2e-4 on MNIST, 50 in the regression; digits has a tenth of its steps")
    suggest.fixed("scale", why="the reference code multiplies every coefficient by it")
    suggest.fixed("l2", why="0 in all of the paper's experiments")
    suggest.number(
        "dn", 1e-3, 1e-1, why="digits: from few units lost to all; 1e-5 .. 5e-4 on MNIST, 250 in the regression"
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
