"""CGES: lambda * sum_l sum_g [gamma_l ||W_g||_2 + (1 - gamma_l)/2 ||W_g||_1^2]."""

from trainables.declarations.declaration import Bounds, Declaration, Knob

declaration = Declaration(
    name="exclusive_group",
    title="CGES: combined group and exclusive sparsity (Yoon & Hwang 2017)",
    reference="Yoon, Hwang: Combined group and exclusive sparsity for deep neural networks, ICML 2017",
    knobs=(
        Knob("lambda", 0.0, "strength of the penalty", log=True),
        Knob("m", 0.2, "exclusive share of the first layer, 1 - m in the last", Bounds(0, 0.5)),
        Knob("update", "published", "the paper's two steps or the joint prox", choices=("published", "exact")),
        Knob("group_scale", 1.0, "scale of a layer's group term", log=True, per_layer=True),
        Knob("exclusive_scale", 1.0, "scale of a layer's exclusive term", log=True, per_layer=True),
    ),
    class_name="ExclusiveGroup",
    examples=(
        {"lambda": 0.005},
        {"lambda": 0.01, "m": 0.0, "update": "exact"},
        {"lambda": 0.02, "m": 0.5, "group_scale_1": 2.0, "exclusive_scale_first": 0.5},
    ),
    strength="lambda",
    off={"lambda": 0.0},
)
