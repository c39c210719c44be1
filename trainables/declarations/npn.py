"""Neural Plasticity Networks: a gate per unit, open with probability g(k phi), learned by ARM."""

from trainables.declarations.declaration import FRACTION, POSITIVE, REAL, Declaration, Knob

declaration = Declaration(
    name="npn",
    title="Neural Plasticity Networks: L0-ARM gates that drop or add units (Li & Ji 2021)",
    reference="Li, Ji: Neural plasticity networks, IJCNN 2021; L0-ARM, ECML 2019",
    knobs=(
        Knob("lambda", 0.0, "strength of the L0 term", REAL, log=True),
        Knob("lambda_layer", 1.0, "factor of a layer on lambda", REAL, per_layer=True, stem="lambda"),
        Knob("mode", "sparsify", "lose units or add them", choices=("sparsify", "expand")),
        Knob("k_start", 7.0, "sharpness of the first stage; 5000 in the paper's text", POSITIVE, log=True),
        Knob("k", 7.0, "sharpness of the second stage, mode sparsify", POSITIVE),
        Knob("k_expand", 1.0, "sharpness of the second stage, mode expand", POSITIVE, log=True),
        Knob("stage_1", 0.1, "end of the first stage as a share of the epochs", FRACTION),
        Knob("stage_2", 0.6, "end of the second stage as a share of the epochs", FRACTION),
        Knob("gate_lr", 1e-3, "Adam's learning rate for the gates", POSITIVE, log=True),
        Knob("estimator", "arm", "gradient of the gates", choices=("arm", "ar")),
        Knob("gate", "sigmoid", "sigmoid(k phi) or clip(k phi / 7 + 1/2, 0, 1)", choices=("sigmoid", "hard")),
        Knob("start", "reference", "phi 3/7 and -40/7, or 3/k and -3/k", choices=("reference", "paper")),
        Knob("active", 0.2, "share of a layer's gates that start on, mode expand", FRACTION, per_layer=True),
        Knob("fill", 0.1, "k phi of a gate that is switched on"),
    ),
    class_name="NPN",
    examples=(
        {"lambda": 0.5, "gate_lr": 0.03},
        {"mode": "expand", "active": 0.4, "k_expand": 2.0, "gate_lr": 0.03, "start": "paper"},
        {"lambda": 0.2, "gate": "hard", "estimator": "ar", "gate_lr": 0.01, "lambda_1": 2.0},
    ),
)
