"""Neural Plasticity Networks: a gate per unit, open with probability g(k phi), learned by ARM."""

from trainables.declarations.declaration import CONTINUATION, FRACTION, POSITIVE, REAL, Declaration, Knob

declaration = Declaration(
    name="npn",
    title="Neural Plasticity Networks: L0-ARM gates that drop or add units (Li & Ji 2021)",
    reference="Li, Ji: Neural plasticity networks, IJCNN 2021; L0-ARM, ECML 2019",
    knobs=(
        Knob("lambda", 0.0, "strength of the L0 term", REAL, log=True),
        Knob("lambda_layer", 1.0, "factor of a layer on lambda", REAL, per_layer=True, stem="lambda"),
        Knob(
            "cost",
            "equal",
            "of an open gate: lambda alone, times c_l/N, or times c_l, with c_l weights on a gate of the layer",
            choices=("equal", "per_example", "undivided"),
        ),
        Knob(
            "input_gates", "paid", "whether gates on the network's own inputs cost anything", choices=("paid", "free")
        ),
        *CONTINUATION,
        Knob("mode", "sparsify", "lose units or add them", choices=("sparsify", "expand")),
        Knob("k_start", 5000.0, "sharpness of the first stage; 7 in the published moons script", POSITIVE, log=True),
        Knob("k", 7.0, "sharpness of the second stage, mode sparsify", POSITIVE),
        Knob("k_expand", 1.0, "sharpness of the second stage, mode expand", POSITIVE, log=True),
        Knob("stage_1", 0.1, "end of the first stage as a share of the epochs", FRACTION),
        Knob("stage_2", 0.6, "end of the second stage as a share of the epochs", FRACTION),
        Knob("gate_lr", 1e-3, "Adam's learning rate for the gates", POSITIVE, log=True),
        Knob("gate_decay", 0.0, "share of the epochs before which the schedule leaves the gates' rate alone", FRACTION),
        Knob("estimator", "arm", "gradient of the gates", choices=("arm", "ar")),
        Knob("gate", "sigmoid", "sigmoid(k phi) or clip(k phi / 7 + 1/2, 0, 1)", choices=("sigmoid", "hard")),
        Knob("start", "reference", "phi 3/7 and -40/7, or 3/k and -3/k", choices=("reference", "paper")),
        Knob("active", 0.2, "share of a layer's gates that start on, mode expand", FRACTION, per_layer=True),
        Knob("fill", 0.1, "k phi of a gate that is switched on"),
    ),
    class_name="NPN",
    examples=(
        {"lambda": 0.02, "gate_lr": 0.03, "k_start": 7.0},
        {"mode": "expand", "active": 0.4, "k_expand": 2.0, "gate_lr": 0.03, "start": "paper"},
        {"lambda": 0.2, "gate": "hard", "estimator": "ar", "gate_lr": 0.01, "lambda_1": 2.0, "cost": "per_example"},
        {"lambda": 3e-4, "cost": "undivided", "input_gates": "free", "gate_lr": 0.03, "lambda_stages": 2},
    ),
    removes="lambda",
    extends=True,
)
