"""The last step of a trial: its network is made smaller, and both are run on real data and compared.

A count is true only if a smaller network with the same outputs exists. A trial for which it does not is
NOT_EQUIVALENT, with the reason, and stays off every front.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from trainables.compaction import compact, cost
from trainables.data import Dataset
from trainables.deploy import Saved, card, contract
from trainables.groups import Alive, Graph
from trainables.problem import Problem
from trainables.training.stack import Stack

TOLERANCE = 1e-4
"""Largest difference of two outputs, as a share of the largest output or of 1 if that is more. In float32 sums in
another order differ by some 1e-6."""

EXAMPLES = 128
"""Validation examples that both networks are run on; more would cost large networks seconds."""


@dataclass(frozen=True)
class Outcome:
    """What became of a trial's network. ``columns`` are of its row: the comparison; status and reason if it failed."""

    columns: dict[str, Any]
    module: nn.Module | None
    """The compact network; None where there is none with the same outputs."""
    problem: Problem
    dataset: Dataset
    alive: Alive

    def saved(self, row: Mapping[str, Any], **known: Any) -> Saved:
        """The compact network with a card that holds the trial's row and whatever else is ``known``."""
        assert self.module is not None, "there is no compact network"
        about = card(self.problem, self.dataset, self.alive)
        about["contract"] = contract(self.module, about, self.dataset)
        trial = {name: value for name, value in row.items() if not isinstance(value, bytes)}
        return Saved(self.module, about | known | {"trial": trial})


@torch.no_grad()
def outcomes(stack: Stack) -> list[Outcome | None]:
    """By lane: the trial's network compacted and compared; None where it has failed."""
    if all(stack.failures):
        return [None] * len(stack.trials)
    problem, graph = stack.problem, stack.problem.graph
    params = stack.method.deployed(stack.params, stack.state, stack.knobs) | stack.buffers
    alive = stack.alive()
    parameters = cost.count(graph, alive)["parameters"].tolist()
    found: list[Outcome | None] = []
    for lane, trial in enumerate(stack.trials):
        if stack.failures[lane] is not None:
            found.append(None)
            continue
        dataset, own = problem.drawn([trial.data_seed])[0], alive.lane(lane)
        x = dataset.inputs(dataset.validation.x[:EXAMPLES]).to(stack.device)
        whole = network(graph, {name: tensor[lane] for name, tensor in params.items()}, stack.device)
        module, columns = _compare(graph, whole, own, x, parameters[lane])
        found.append(Outcome(columns, module, problem, dataset, own))
    return found


def network(graph: Graph, tensors: Mapping[str, Tensor], device: torch.device | str = "cpu") -> nn.Module:
    """A plain module with the tensors of one lane, in eval mode."""
    module = copy.deepcopy(graph.skeleton).to(device)
    with torch.no_grad():
        for name, tensor in chain(module.named_parameters(), module.named_buffers()):
            tensor.copy_(tensors[name])
    return module


def _compare(
    graph: Graph, module: nn.Module, alive: Alive, x: Tensor, parameters: int
) -> tuple[nn.Module | None, dict[str, Any]]:
    try:
        # Convolutions on CUDA round to TF32 otherwise, differently for different sizes.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            small = compact.compact(module, graph, alive).module
            difference, agreement = compact.check(module, small, x)
            scale = 1.0 if difference <= TOLERANCE else max(1.0, float(module(x).abs().max()))
    except (MemoryError, torch.OutOfMemoryError):
        raise  # the fault of the pack, which goes on in smaller ones
    except Exception as error:  # A user's module may do anything; it fails the trial, not the pack.
        return None, _failed(f"its network could not be made smaller: {type(error).__name__}: {error}")
    columns: dict[str, Any] = {"max_abs_difference": difference, "argmax_agreement": agreement}
    built = sum(p.numel() for p in small.parameters())
    if not difference <= TOLERANCE * scale:
        reason = f"outputs of its compact network differ by {difference:.3g} where the largest is {scale:.3g}"
    elif built != parameters:
        reason = f"its compact network has {built} parameters, not the {parameters} that were counted"
    else:
        return small, columns
    return None, columns | _failed(reason)


def _failed(reason: str) -> dict[str, Any]:
    return {"status": "NOT_EQUIVALENT", "reason": reason}
