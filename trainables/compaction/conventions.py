"""The counts of a paper's convention, for every lane; `trainables.conventions` names them without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from trainables.compaction import cost
from trainables.conventions import CONVENTIONS
from trainables.groups import Graph

Params = dict[str, Tensor]

_COUNTED: Mapping[str, Callable[[Graph, Params], Tensor | list[str]]] = {
    "drop_neuron_units": cost.drop_neuron_units,
    "drop_neuron_compression": cost.drop_neuron_compression,
    "npn_weights": cost.npn_weights,
    "npn_gates": lambda graph, params: ["-".join(map(str, lane)) for lane in cost.npn_gates(graph, params).tolist()],
    "dwork_units": cost.dwork_units,
    "cges_nonzero": cost.cges_nonzero,
    "cges_flops": cost.cges_flops,
}


def counted(graph: Graph, params: Params, conventions: Sequence[str]) -> dict[str, list[float | str]]:
    """Column -> its value in every lane.

    Args:
        params: (P, *shape) of the deployed networks.
        conventions: keys of CONVENTIONS.

    Raises:
        StudyError: a convention that does not fit the network.
    """
    found: dict[str, list[float | str]] = {}
    for column in (column for name in conventions for column in CONVENTIONS[name]):
        counts = _COUNTED[column](graph, params)
        found[column] = counts.tolist() if isinstance(counts, Tensor) else [*counts]
    return found
