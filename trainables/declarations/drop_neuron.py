"""DropNeuron: l1 ||W||_1 + l2/2 ||W||^2 + dn (lo + li), fully connected layers only."""

from trainables.declarations.declaration import FRACTION, Declaration, Knob

declaration = Declaration(
    name="drop_neuron",
    title="DropNeuron: in- and outgoing group penalties, fully connected layers (Pan et al. 2016)",
    reference="Pan, Dong, Guo: DropNeuron: simplifying the structure of deep neural networks, 2016",
    knobs=(
        Knob("l1", 0.0, "strength on single weights and biases", log=True),
        Knob("l2", 0.0, "strength of half the squared norm", log=True),
        Knob("dn", 0.0, "strength of li + lo", log=True),
        Knob("dn_layer", 1.0, "factor of a layer on dn", per_layer=True, stem="dn"),
        Knob("ratio", 0.5, "share of li against lo", FRACTION),
        Knob("threshold", 0.01, "at the end smaller weights become zero", log=True),
        Knob(
            "update",
            "subgradient",
            "descend the penalty or take proximal steps",
            choices=("subgradient", "proximal"),
        ),
        Knob("scale", 0.1, "factor on all strengths, 0.1 in the reference code", log=True),
    ),
    class_name="DropNeuron",
    examples=(
        {"dn": 0.02, "l1": 1e-3},
        {"dn": 0.1, "update": "proximal", "ratio": 0.7},
        {"dn": 0.05, "l2": 1e-3, "threshold": 0.05, "scale": 0.2},
    ),
    strength="dn",
    extends=True,
    off={"threshold": 0.0},
)
