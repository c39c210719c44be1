"""A data set and a model together: what every trial of a study trains on, made once per process."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from trainables import data, models
from trainables.data import Dataset
from trainables.errors import StudyError, not_one_of
from trainables.groups import KINDS, Graph, trace
from trainables.seeds import seed_of
from trainables.tasks import TASKS, Task

if TYPE_CHECKING:
    from trainables.models import Weights

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """``datasets`` holds one data set, or one for each of ``data_seeds`` where every repetition draws its own."""

    datasets: tuple[Dataset, ...]
    data_seeds: tuple[int, ...]
    model: str
    model_options: dict[str, Any]
    graph: Graph
    weights: Weights | None = None
    """What all trials start from, if not from random numbers."""
    frozen: frozenset[str] = frozenset()
    """The parameters that stay as they are."""

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
        """The network that a trial starts with; the same for the same seed, whatever was drawn before."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed_of(seed, "init"))
            network = models.build(self.model, self.dataset.input_shape, self.dataset.outputs, **self.model_options)
        if self.weights is not None:
            self.weights.put(network)
        for name in self.frozen:
            network.get_parameter(name).requires_grad_(False)
        return network


def problem(data_options: Options, model_options: Options, seed: int, data_seeds: Sequence[int] = (0,)) -> Problem:
    """The problem of a study.

    Args:
        data_options: ``name`` and options of `trainables.data.load`; ``resample: true`` draws a data set for every
            data seed instead of one from the study's seed.
        model_options: ``name`` and options of `trainables.models.build`; ``groups``, which kinds of groups methods make
            smaller: "units", "heads", "dimensions" (inside of heads), "channels" (those tied by skip connections),
            "stream" (those of a transformer);
            ``weights``, a file that all trials start from; ``freeze``, patterns of parameters that are not trained.
        seed: the study's seed; it decides the split.
        data_seeds: the data seeds of the trials, used where the data are resampled.
    """
    key, seeds = _data_key(data_options, seed, data_seeds)
    return _problem(key, json.dumps(dict(model_options), sort_keys=True), seeds)


def check_materials(data_options: Options, model: Options, seed: int, data_seeds: Sequence[int] = (0,)) -> None:
    """Load the data and what makes the network, whatever its arguments will be: raises what is not there."""
    _datasets(*_data_key(data_options, seed, data_seeds))
    models.find(model["name"])
    if model.get("weights") is not None:
        models.read_weights(model["weights"])


def _data_key(data_options: Options, seed: int, data_seeds: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    options = dict(data_options)
    seeds = tuple(sorted(set(data_seeds))) if options.pop("resample", False) else (seed,)
    return json.dumps(options, sort_keys=True), seeds


def _kinds(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise StudyError(f"groups of the model: expected a list of {', '.join(KINDS)} but got {given!r}")
    for kind in given:
        if kind not in KINDS:
            raise not_one_of("groups of the model", kind, KINDS)
    return tuple(given)


@lru_cache(maxsize=4)
def _datasets(data_key: str, seeds: tuple[int, ...]) -> tuple[Dataset, ...]:
    options = json.loads(data_key)
    name = options.pop("name")
    return tuple(data.load(name, seed=seed, **options) for seed in seeds)


@lru_cache(maxsize=16)
def _graph(data_key: str, model_key: str, seeds: tuple[int, ...]) -> Graph:
    """Kept of more networks than data: a pack may have trials of several."""
    first, model_options = _datasets(data_key, seeds)[0], json.loads(model_key)
    kinds = _kinds(model_options.pop("groups", list(Graph.kinds)))
    model_options.pop("weights", None)
    patterns = model_options.pop("freeze", [])
    module = models.build(model_options.pop("name"), first.input_shape, first.outputs, **model_options)
    if isinstance(module, models.Tokens):
        for split in (first.train, first.validation, first.test):
            module.check(split.x)
    graph = replace(trace(module.eval(), first.inputs(first.train.x[:1])), kinds=kinds)
    frozen = _frozen(graph, patterns)
    whole = {
        layer.tie: "frozen" for layer in graph.layers if frozen & {*layer.rows, *(part.name for part in layer.besides)}
    }
    return graph.fix(whole)


def _frozen(graph: Graph, patterns: Sequence[str]) -> frozenset[str]:
    """The parameters whose names fit a pattern, as in a shell (`*`, `?`), with or without what they begin with."""
    names = [name for name, _ in graph.skeleton.named_parameters()]
    found: set[str] = set()
    for pattern in patterns:
        fitting = fnmatch.filter(names, pattern) or fnmatch.filter(names, f"*.{pattern}")
        if not fitting:
            raise not_one_of("freeze of the model", pattern, names)
        found.update(fitting)
    return frozenset(found)


@lru_cache(maxsize=4)
def _problem(data_key: str, model_key: str, seeds: tuple[int, ...]) -> Problem:
    model_options = json.loads(model_key)
    model_options.pop("groups", None)
    path, patterns = model_options.pop("weights", None), model_options.pop("freeze", [])
    datasets, graph = _datasets(data_key, seeds), _graph(data_key, model_key, seeds)
    frozen = _frozen(graph, patterns)
    found = Problem(datasets, seeds, model_options.pop("name"), model_options, graph, frozen=frozen)
    if path is None:
        return found
    output = [name for layer in graph.layers if layer.output for name in layer.rows]
    return replace(found, weights=models.fit_weights(found.module(0), path, output))
