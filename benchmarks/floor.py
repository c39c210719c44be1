"""The floor under a training step: what its products would take at the rate of the machine's fastest ones.

Measured in the same run as the steps, in turn with them: on a shared machine a rate of an hour ago says nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from trainables.compaction import cost
from trainables.groups import everything
from trainables.problem import Problem

LANES, BATCH, WIDTHS = 16, 32, (128, 64)
"""Of the batched products whose rate is taken: those of the digits mlp's middle layer."""
LARGE = 512
"""Side of the square product whose rate is taken for convolutions."""
COPIED = 2**24
"""Numbers copied to measure the bandwidth, 64 MiB: more than the caches hold."""


class Rates:
    """The machine's, the best of all times that they were taken."""

    def __init__(self) -> None:
        self.batched_gflops = self.large_gflops = self.gigabytes_per_second = 0.0
        wide, narrow = WIDTHS
        x, y = torch.randn(LANES, BATCH, wide), torch.randn(LANES, BATCH, narrow)
        w, square = torch.randn(LANES, narrow, wide), torch.randn(LARGE, LARGE)
        self._batched: tuple[Callable[[], object], ...] = (
            lambda: torch.bmm(x, w.mT),
            lambda: torch.bmm(y, w),
            lambda: torch.bmm(y.mT, x),
        )
        self._large = lambda: square @ square
        self._from, self._to = torch.zeros(COPIED), torch.zeros(COPIED)

    def take(self) -> None:
        """Once more; a few milliseconds each."""
        operations = 2 * LANES * BATCH * WIDTHS[0] * WIDTHS[1]
        rate = max(operations / _seconds(product, 40) for product in self._batched)
        self.batched_gflops = max(self.batched_gflops, rate / 1e9)
        self.large_gflops = max(self.large_gflops, 2 * LARGE**3 / _seconds(self._large, 3) / 1e9)
        copied = 2 * 4 * COPIED / _seconds(lambda: self._to.copy_(self._from), 1)
        self.gigabytes_per_second = max(self.gigabytes_per_second, copied / 1e9)

    def to_dict(self) -> dict[str, float]:
        return {
            "batched_gflops": self.batched_gflops,
            "large_gflops": self.large_gflops,
            "gigabytes_per_second": self.gigabytes_per_second,
        }

    def floor_ms(self, where: Problem, batch: int, passes: int = 0) -> float:
        """Milliseconds of one trial's products in a step, its share of an epoch's validation included.

        Forward, and for the weights and the inputs of all layers but those that read the data. Networks with
        convolutions are held against the rate of the large product, others against that of the batched ones.

        Args:
            passes: forward passes of a step beside the first.
        """
        macs = float(cost.count(where.graph, everything(where.graph))["macs"])
        first = sum(
            layer.positions * layer.units * layer.inputs // layer.groups * layer.kernel
            for layer in where.graph.layers
            if layer.name in where.graph.readers
        )
        linear = all(layer.kind == "linear" for layer in where.graph.layers)
        rate = self.batched_gflops if linear else self.large_gflops
        validated = macs * len(where.dataset.validation) / len(where.dataset.train)
        return 2e3 * batch * ((3 + passes) * macs - first + validated) / (rate * 1e9)


def _seconds(operation: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        operation()
    return (time.process_time() - started) / times
