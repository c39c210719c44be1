"""What a network is made of: its size, which layers can lose units, which cannot and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from trainables.errors import StudyError
from trainables.groups import Graph, Layer
from trainables.problem import Problem
from trainables.training import dense_counts, obstacle


@dataclass(frozen=True)
class LayerFacts:
    """A layer, or a module that is no layer and stays whole."""

    name: str
    kind: str
    units: int | None
    """None for what has no units that could go."""
    parameters: int
    kept: str
    """Why it keeps its units; empty where they can go."""
    whole_heads: str = ""
    """Why its heads go only as a whole, where their dimensions were asked for."""


@dataclass(frozen=True)
class NetworkFacts:
    """A network in words and numbers."""

    name: str
    neurons: int
    heads: int
    """Of attentions."""
    inputs: int
    parameters: int
    macs: int
    """Multiply-adds of one example."""
    layers: tuple[LayerFacts, ...]
    start: str
    """What its trials start from, where that is not random; empty where it is."""
    frozen: int
    """Parameters that are not trained."""
    obstacle: str | None
    """Why its trials cannot be stacked; None where they can."""

    @property
    def notes(self) -> tuple[str, ...]:
        notes = []
        hidden = [layer for layer in self.layers if layer.kept != OUTPUT]
        if hidden and all(layer.kept for layer in hidden):
            why = "; ".join(dict.fromkeys(f"{layer.name}: {layer.kept}" for layer in hidden))
            notes.append(f"no unit of {self.name} can go, every trial keeps all {self.neurons:,} neurons: {why}")
        if self.obstacle:
            notes.append(f"trials train one after the other, since torch cannot stack {self.name}: {self.obstacle}")
        return tuple(notes)


OUTPUT = "part of the network's output"


def inspect(problem: Problem) -> NetworkFacts:
    """The facts of a problem's network.

    Raises:
        StudyError: it does not give as many numbers for an example as the data need.
    """
    graph, dataset = problem.graph, problem.dataset
    with torch.no_grad():
        given = int(graph.skeleton(graph.example).flatten(1).shape[1])
    if given != dataset.outputs:
        wanted = f"{dataset.outputs} classes" if dataset.task == "classification" else f"{dataset.outputs} targets"
        raise StudyError(
            f"model: {problem.model} gives {given} number{'s' * (given > 1)} for an example, but {dataset.name} has "
            f"{wanted}"
        )
    counts = dense_counts(problem)
    return NetworkFacts(
        name=problem.model,
        heads=int(counts.get("heads", 0)),
        **{name: int(counts[name]) for name in ("neurons", "inputs", "parameters", "macs")},
        layers=(*(_layer(graph, layer) for layer in graph.layers), *_others(graph)),
        start=_start(problem),
        frozen=sum(graph.skeleton.get_parameter(name).numel() for name in problem.frozen),
        obstacle=obstacle(problem),
    )


def _start(problem: Problem) -> str:
    if (found := problem.weights) is None:
        return ""
    new = f"; new: {', '.join(found.new)}" if found.new else ""
    unused = f"; {found.unused} tensors of the file unused" if found.unused else ""
    return f"{len(found.tensors)} of {len(found.tensors) + len(found.new)} tensors from the file{new}{unused}"


def _layer(graph: Graph, layer: Layer) -> LayerFacts:
    own = [graph.skeleton.get_parameter(name) for name in (layer.weight, layer.bias) if name]
    kind = type(graph.skeleton.get_submodule(layer.name)).__name__
    rigid = layer.rigid if "dimensions" in graph.kinds else ""
    return LayerFacts(layer.name, kind, layer.units, sum(p.numel() for p in own), _kept(graph, layer), rigid)


def _kept(graph: Graph, layer: Layer) -> str:
    if layer.output:
        return OUTPUT
    if layer.fixed:
        return layer.fixed
    if layer.what in graph.kinds or not (layer.tied or layer.what == "stream"):
        return ""
    others = [member.name for member in graph.ties[_tie(graph, layer)] if member.name != layer.name]
    why = {
        "channels": f"its units are added to those of {', '.join(others)}",
        "stream": "its units are added and normed together with the others of the stream",
        "heads": "its units are of attention heads",
        "units": f"its units go together with those of {', '.join(others)}",
    }
    return f"{why[layer.what]}; `groups: [..., {layer.what}]` lets them go"


def _tie(graph: Graph, layer: Layer) -> int:
    return next(i for i, members in enumerate(graph.ties) if layer in members)


def _others(graph: Graph) -> Iterator[LayerFacts]:
    """Modules with parameters that are of no layer or norm: recurrent cells, attention, embeddings."""
    known = {name for layer in graph.layers for name in (layer.weight, layer.bias)}
    known |= {norm.tensor for norm in graph.norms}
    norms = {norm.name for norm in graph.norms}
    for name, module in graph.skeleton.named_modules():
        own = {f"{name}.{n}" if name else n: p for n, p in module.named_parameters(recurse=False)}
        left = [p for n, p in own.items() if n not in known]
        if left and name not in norms:
            kind = type(module).__name__
            sequence = "recurrent, left whole" if isinstance(module, nn.RNNBase | nn.RNNCellBase) else "left whole"
            yield LayerFacts(name or "itself", kind, None, sum(p.numel() for p in left), sequence)
