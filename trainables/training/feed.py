"""Batches for a stack: resident on its device, one order for each data seed, one copy where lanes share it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from trainables.data import Dataset
from trainables.math import generator
from trainables.seeds import seed_of

_COPIED = 2**24
"""Numbers of training inputs up to which an epoch's order is a copy of them, 64 MiB."""


class Feed:
    """The splits of one data set, or of one for each data seed, as the lanes of a stack see them.

    Args:
        datasets: one, or one for each distinct data seed in ascending order.
        data_seeds: (P) of the lanes.
    """

    def __init__(self, datasets: Sequence[Dataset], data_seeds: Sequence[int], device: torch.device) -> None:
        self.seeds = sorted(set(data_seeds))
        self.device = device
        self.shared = len(self.seeds) == 1
        self._group_of_lane = torch.tensor([self.seeds.index(s) for s in data_seeds], device=device)
        self._augment_seeds = torch.tensor([seed_of(s, "augment") for s in self.seeds], device=device)
        self._datasets = [dataset.to(device) for dataset in datasets]
        self._splits = {split: self._resident(split) for split in ("train", "validation", "test")}

    def _resident(self, split: str) -> tuple[Tensor, Tensor]:
        """(D, N, ...) inputs and targets; floats are normalised here, pixels when their batch is."""
        xs, ys = [], []
        for dataset in self._datasets:
            part = getattr(dataset, split)
            xs.append(dataset.inputs(part.x) if part.x.is_floating_point() else part.x)
            ys.append(part.y if dataset.task == "reconstruction" else dataset.targets(part.y))
        if len(xs) == 1:
            return xs[0].unsqueeze(0), ys[0].unsqueeze(0)
        return torch.stack(xs), torch.stack(ys)

    def examples(self, split: str) -> int:
        return self._splits[split][0].shape[1]

    def order(self, epoch: int, shuffle: bool) -> Tensor:
        """(G, N): the training examples in the epoch's order, a row for each data seed."""
        n = self.examples("train")
        if not shuffle:
            return torch.arange(n, device=self.device).expand(len(self.seeds), n)
        rows = [torch.randperm(n, generator=generator(seed, "order", epoch)) for seed in self.seeds]
        return torch.stack(rows).to(self.device)

    def epoch(self, order: Tensor, spans: Sequence[tuple[int, int]], step: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch, as `training_batch` gives them.

        Args:
            order: (G, N) as `order` gives it.
            spans: first and last example, exclusive, of each batch within the order.
            step: of the first batch.
        """
        x, y = self._splits["train"]
        if self.shared and self._datasets[0].augment is None and x.is_floating_point() and x[0].numel() <= _COPIED:
            x, y = self._lanes(x[:1, order[0]], y[:1, order[0]])  # one copy, of which each batch is a part
            yield from ((x[start:end], y[start:end]) for start, end in spans)
        else:
            for index, (start, end) in enumerate(spans):
                yield self.training_batch(order[:, start:end], step + index)

    def training_batch(self, index: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets at ``index`` (G, B), augmented: (B, ...) where all lanes share them, else (P, B, ...)."""
        raw, target = self._at("train", index)
        if self._datasets[0].augment is not None:
            raw = self._datasets[0].augmented(raw, self._augment_seeds, step)
        return self._lanes(raw, target)

    def batch(self, split: str, start: int, end: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of the examples from ``start`` to ``end`` of a split, shaped as in `training_batch`."""
        index = torch.arange(start, end, device=self.device).expand(len(self.seeds), -1)
        return self._lanes(*self._at(split, index))

    def _at(self, split: str, index: Tensor) -> tuple[Tensor, Tensor]:
        x, y = self._splits[split]
        if self.shared:
            return x[0][index], y[0][index]
        source = torch.arange(len(self.seeds), device=self.device).clamp(max=len(x) - 1).unsqueeze(1)
        return x[source, index], y[source, index]

    def _lanes(self, raw: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        x = raw
        if not raw.is_floating_point():
            several = len(self._datasets) > 1
            parts = [d.inputs(raw[i] if several else raw) for i, d in enumerate(self._datasets)]
            x = torch.stack(parts) if several else parts[0]
        if self._datasets[0].task == "reconstruction":
            target = x.flatten(2)
        if self.shared:
            return x[0], target[0]
        return x[self._group_of_lane], target[self._group_of_lane]


def batch_spans(examples: int, batch_size: int) -> list[tuple[int, int]]:
    """Start and end of each batch; a last batch of one example is left out, since batch norm cannot use it."""
    spans = [(s, min(s + batch_size, examples)) for s in range(0, examples, batch_size)]
    return spans[:-1] if len(spans) > 1 and batch_size > 1 and spans[-1][1] - spans[-1][0] == 1 else spans
