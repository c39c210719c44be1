"""Neural Plasticity Networks: a gate per unit, on with probability g(k phi), by ARM (Li & Ji 2019)."""

from search_spaces.space import Scale, Suggest, continuation, learning_rate, rounded

COST = (5e-4, 1e-1)
"""What an open gate costs, against a loss of about 1. Published: .0008 .. .006."""
TRAVEL = (4.0, 400.0)
"""How far Adam could move a logit in all steps, the rate times their number. Published: 8 .. 230."""
LARGEST, SMALLEST = 5e-2, 5e-3
EARLIEST, LATEST = 0.4, 0.95


def space(suggest: Suggest) -> None:
    learning_rate(suggest)
    scale = suggest.scale
    mode = suggest.fixed("mode", why="start with all units and lose some, or with few and add some")
    suggest.fixed("estimator", why="ARM's second pass lowers the variance; AR does without it")
    suggest.fixed("gate", why="sigmoid(k phi) as published; hard is its clipped line")
    cost = suggest.fixed(
        "cost", why="equal, as the authors' lambda_l make it; their formulas are lambda_l c_l, with and without /N"
    )
    suggest.fixed(
        "input_gates",
        "paid" if scale.counts_inputs else "free",
        why="paid where an objective counts input features, too: every method is charged for what is counted",
    )
    low, high = (rounded(end * scale.loss / _weight(str(cost), scale)) for end in COST)
    suggest.number(
        "lambda",
        low,
        high,
        why="an open gate costs 5e-4 .. .1 on average; .0008 .. .006 in the paper; digits loses few at .002",
    )
    continuation(suggest)
    suggest.per_layer("lambda_layer", why="factor of a layer on lambda, 1 where nothing is said")
    suggest.fixed(
        "start", why="first gate logits: 3/7 and -40/7 as in the published code, or 3/k and -3/k as in the text"
    )
    suggest.fixed("k_start", why="5000 as the text says, gates wide open at first; the moons script alone has 7")
    if mode == "sparsify":
        suggest.number("k", 3, 15, why="stage 2; the paper takes 7: flatter drops little, steeper decides early")
    else:
        suggest.number(
            "k_expand", 0.5, 8, why="stage 2; the paper takes 1, so that new gates stay undecided; its ResNet 7"
        )
        suggest.per_layer("active", why="share of gates on at first; the paper takes .06 .. .2")
        suggest.fixed("fill", why="k phi of a new gate; the paper takes 0, .1 or 3")
    suggest.number("stage_1", 0.02, 0.25, why="pre-training's end in epochs/epochs; the paper takes .05 .. .25")
    suggest.number(
        "stage_2",
        EARLIEST,
        max(EARLIEST, min(LATEST, rounded(scale.learning))),
        why="gates freeze; the paper takes .5 .. .91; polishing freezes them anyway",
    )
    suggest.ordered("stage_1", "stage_2")
    slow, fast = (end / scale.steps for end in TRAVEL)
    suggest.number(
        "gate_lr",
        rounded(min(slow, SMALLEST)),
        rounded(min(fast, LARGEST)),
        why="4 .. 400 over the steps: phi starts at 3/7 and moves about this a step; the paper takes 1e-3",
    )
    suggest.fixed(
        "gate_decay",
        why="the schedule acts on both alike; the paper's ResNet decays gates at 120 and 180, weights at 60, too",
    )


def _weight(cost: str, scale: Scale) -> float:
    """What lambda is multiplied by for the average gate."""
    return {"equal": 1.0, "per_example": scale.gated / scale.examples, "undivided": scale.gated}[cost]
