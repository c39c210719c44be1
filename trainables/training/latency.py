"""Latency as an outcome of trials: their compact networks are timed where they were trained, once that is over."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from trainables.data import Dataset
from trainables.deploy import timed
from trainables.training.equivalence import Outcome


def add_latencies(
    rows: Sequence[dict[str, Any]], outcomes: Sequence[Outcome | None], *, batch: int, **how: Any
) -> None:
    """Adds ``latency_ms``, the median of single runs, to the rows of trials of one network, and ``dense_latency_ms``,
    that of the whole network, measured once for all of them. Nothing is added where there is no compact network.

    Args:
        batch: validation examples at once; they are taken again where there are fewer.
        how: arguments of `trainables.deploy.timed`.
    """

    def milliseconds(module: nn.Module, dataset: Dataset) -> float:
        examples = dataset.validation.x
        x = dataset.inputs(examples[torch.arange(batch) % len(examples)])
        return timed(copy.deepcopy(module), x, **how).p50_ms

    whole = None
    for row, outcome in zip(rows, outcomes, strict=True):
        if outcome is None or outcome.module is None:
            continue
        if whole is None:
            whole = milliseconds(outcome.problem.graph.skeleton, outcome.dataset)
        row["latency_ms"] = milliseconds(outcome.module, outcome.dataset)
        row["dense_latency_ms"] = whole
