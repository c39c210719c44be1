"""What the papers count, by convention, declared without torch: `counts: [drop_neuron]` in a study asks for columns.

They never stand in the place of the counts that all methods share; they are for comparing with what a paper says.
"""

from __future__ import annotations

from collections.abc import Mapping

CONVENTIONS: Mapping[str, Mapping[str, str]] = {
    "drop_neuron": {
        "drop_neuron_units": "units of the fully connected layers, inputs and outputs too; hidden ones as a minimum",
        "drop_neuron_compression": "weights of the fully connected layers over those that are not zero",
    },
    "npn": {
        "npn_weights": "kernel x open inputs x open outputs, summed over the layers, without biases",
        "npn_gates": "open gates by layer, 7-9-109-30",
    },
    "dwork": {"dwork_units": "units of all layers, the output's too, with a weight or bias that is not zero"},
    "cges": {
        "cges_nonzero": "share of the weights that are not zero, without biases",
        "cges_flops": "multiply-adds with weights that are not zero over all multiply-adds",
    },
}
"""Columns by convention; in tables their names begin with `count_`."""

COLUMNS = tuple(column for columns in CONVENTIONS.values() for column in columns)
