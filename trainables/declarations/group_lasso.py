"""Group lasso: lambda * sum_l beta_l * w_l * sum_n ||theta_l^n||_2, one group per unit."""

from trainables.declarations.declaration import CONTINUATION, Declaration, Knob

declaration = Declaration(
    name="group_lasso",
    title="Group lasso by proximal gradient: whole units (Dwork 2018; Alvarez & Salzmann 2016)",
    reference="Dwork: Neuronal death, 2018; Alvarez, Salzmann: Learning the number of neurons, NIPS 2016",
    knobs=(
        Knob("lambda", 0.0, "strength of the penalty", log=True),
        Knob("beta", 1.0, "relative strength of a layer", log=True, per_layer=True),
        Knob("weighting", "sqrt", "weight of a group: sqrt(P_l), 1/n or 1", choices=("sqrt", "mean", "none")),
        Knob("cadence", "step", "proximal step after every minibatch or epoch", choices=("step", "epoch")),
        *CONTINUATION,
    ),
    class_name="GroupLasso",
    examples=(
        {"lambda": 0.01},
        {"lambda": 0.02, "beta_first": 0.3, "beta_rest": 1.5, "cadence": "epoch"},
        {"lambda": 1.0, "weighting": "mean", "lambda_stages": 2, "lambda_growth": 3.0},
        {"lambda": 0.05, "weighting": "none", "beta_3": 0.0},
    ),
    strength="lambda",
    off={"lambda": 0.0},
)
