"""Scores and answers of all lanes' networks on a whole split, in pieces that memory holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from trainables.compaction import cost
from trainables.groups import everything
from trainables.problem import Problem
from trainables.recipe import Recipe
from trainables.training.feed import Feed
from trainables.training.lanewise import Measure
from trainables.training.networks import Params
from trainables.training.own_score import own_score

HELD = 2**27
"""Numbers that a layer's inputs and outputs may take while scores are computed, half a GiB of them."""


class Scoring:
    """Of networks in evaluation mode, given their stacked parameters and buffers.

    Args:
        over_lanes: has a function of output and target computed for every lane.
        lanes: how many there are.
    """

    def __init__(
        self,
        problem: Problem,
        recipe: Recipe,
        feed: Feed,
        lanes: int,
        over_lanes: Callable[[Callable[[Tensor, Any], Any]], Measure],
    ) -> None:
        self._task, self._feed, self._lanes = problem.task, feed, lanes
        self._sums, self._answers = over_lanes(problem.task.sums), over_lanes(problem.task.answers)
        self.outputs = over_lanes(lambda output, target: output)
        self._activations = int(cost.footprint(problem.graph, everything(problem.graph))["activations"])
        self._own_score = own_score(recipe.score) if recipe.score else None

    @torch.no_grad()
    def scores(self, split: str, params: Params, buffers: Params) -> dict[str, Tensor]:
        """Named scores (P,)."""
        sums: dict[str, Tensor] = {}
        outputs, targets = list[Tensor](), list[Tensor]()
        for x, y in self._parts(split):
            part = self._sums(params, buffers, x, y)
            sums = {name: value + sums.get(name, 0) for name, value in part.items()}
            if self._own_score is not None:
                outputs.append(self.outputs(params, buffers, x, y))
                targets.append(y[None] if self._feed.shared else y)
        own = {"score": self._own_score(outputs, targets)} if self._own_score is not None else {}
        return self._task.scores(sums, self._feed.examples(split)) | own

    @torch.no_grad()
    def answers(self, split: str, params: Params, buffers: Params) -> Tensor:
        """(P, N): whether each example is answered rightly, or the squared errors."""
        return torch.cat([self._answers(params, buffers, x, y) for x, y in self._parts(split)], 1)

    def _parts(self, split: str) -> Iterator[tuple[Tensor, Tensor]]:
        examples = self._feed.examples(split)
        rows = max(64, min(8192, HELD // self._activations) // self._lanes)
        return (self._feed.batch(split, start, min(start + rows, examples)) for start in range(0, examples, rows))
