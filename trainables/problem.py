"""A data set and a model together: what every trial of a study trains on, made once per process."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from trainables import data, models
from trainables.data import Dataset
from trainables.errors import StudyError, not_one_of
from trainables.groups import KINDS, Graph, trace
from trainables.seeds import seed_of
from trainables.tasks import TASKS, Task

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """``datasets`` holds one data set, or one for each of ``data_seeds`` where every repetition draws its own."""

    datasets: tuple[Dataset, ...]
    data_seeds: tuple[int, ...]
    model: str
    model_options: dict[str, Any]
    graph: Graph

    @property
    def dataset(self) -> Dataset:
        return self.datasets[0]

    @property
    def task(self) -> Task:
        return TASKS[self.dataset.task]

    def drawn(self, data_seeds: Sequence[int]) -> tuple[Dataset, ...]:
        """What lanes of these data seeds train on: one data set, or one for each distinct seed in ascending order."""
        if len(self.datasets) == 1:
            return self.datasets
        return tuple(self.datasets[self.data_seeds.index(seed)] for seed in sorted(set(data_seeds)))

    def module(self, seed: int) -> nn.Module:
        """A freshly initialised network; the same for the same seed, whatever was drawn before."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed_of(seed, "init"))
            return models.build(self.model, self.dataset.input_shape, self.dataset.outputs, **self.model_options)


def problem(data_options: Options, model_options: Options, seed: int, data_seeds: Sequence[int] = (0,)) -> Problem:
    """The problem of a study.

    Args:
        data_options: ``name`` and options of `trainables.data.load`; ``resample: true`` draws a data set for every
            data seed instead of one from the study's seed.
        model_options: ``name`` and options of `trainables.models.build`; ``groups``, which kinds of groups methods make
            smaller: "units", "heads", "channels" (those tied by skip connections).
        seed: the study's seed; it decides the split.
        data_seeds: the data seeds of the trials, used where the data are resampled.
    """
    options = dict(data_options)
    seeds = tuple(sorted(set(data_seeds))) if options.pop("resample", False) else (seed,)
    return _problem(json.dumps(options, sort_keys=True), json.dumps(dict(model_options), sort_keys=True), seeds)


def _kinds(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise StudyError(f"groups of the model: expected a list of {', '.join(KINDS)} but got {given!r}")
    for kind in given:
        if kind not in KINDS:
            raise not_one_of("groups of the model", kind, KINDS)
    return tuple(given)


@lru_cache(maxsize=4)
def _problem(data_key: str, model_key: str, seeds: tuple[int, ...]) -> Problem:
    data_options, model_options = json.loads(data_key), json.loads(model_key)
    name = data_options.pop("name")
    datasets = tuple(data.load(name, seed=seed, **data_options) for seed in seeds)
    model = model_options.pop("name")
    kinds = _kinds(model_options.pop("groups", list(Graph.kinds)))
    first = datasets[0]
    module = models.build(model, first.input_shape, first.outputs, **model_options)
    graph = replace(trace(module.eval(), first.inputs(first.train.x[:1])), kinds=kinds)
    return Problem(datasets, seeds, model, model_options, graph)
