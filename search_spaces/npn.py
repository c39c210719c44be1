"""Neural Plasticity Networks: a gate per unit, on with probability g(k phi), by ARM (Li & Ji 2019)."""

from search_spaces.space import Suggest, continuation, learning_rate


def space(suggest: Suggest) -> None:
    learning_rate(suggest)
    mode = suggest.fixed("mode", why="start with all units and lose some, or with few and add some")
    suggest.fixed("estimator", why="ARM's second pass lowers the variance; AR does without it")
    suggest.fixed("gate", why="sigmoid(k phi) as published; hard is its clipped line")
    suggest.fixed(
        "cost", why="equal as the authors' lambda_l make it; they are written for lambda_l c_l / N or lambda_l c_l"
    )
    suggest.fixed("input_gates", why="free where no objective counts input features")
    suggest.number(
        "lambda",
        5e-4,
        1e-1,
        why="what an open gate costs: .0008 .. .004 in the paper; digits loses few units at .002, nearly all at .06",
    )
    continuation(suggest)
    suggest.per_layer("lambda_layer", why="factor of a layer on lambda, 1 where nothing is said")
    suggest.fixed(
        "start", why="first gate logits: 3/7 and -40/7 as in the published code, or 3/k and -3/k as in the text"
    )
    suggest.fixed(
        "k_start",
        why="5000 as the text says, gates wide open at first; the moons script alone has 7",
    )
    if mode == "sparsify":
        suggest.number("k", 3, 15, why="stage 2; the paper takes 7: flatter drops little, steeper decides early")
    else:
        suggest.number("k_expand", 0.5, 3, why="stage 2; the paper takes 1, so that new gates stay undecided")
        suggest.per_layer("active", why="share of gates on at first; the paper takes .06 .. .2")
        suggest.fixed("fill", why="k phi of a new gate; the paper takes 0, .1 or 3")
    suggest.number("stage_1", 0.05, 0.25, why="pre-training's end in epochs/epochs; the paper takes .05 .. .25")
    suggest.number(
        "stage_2",
        0.4,
        0.75,
        why="gates freeze; the paper takes .5 .. .9, but polishing, from .75 on, freezes them anyway",
    )
    suggest.ordered("stage_1", "stage_2")
    suggest.number(
        "gate_lr",
        3e-3,
        5e-2,
        why="1e-3 in the paper, for 20 times the steps: phi starts at 3/7 and moves about this a step",
    )
    suggest.fixed(
        "gate_decay",
        why="the schedule acts on both alike; the paper's ResNet decays gates at 120 and 180, weights at 60, too",
    )
