"""Finds the structure of a network, and tries out what was found: what does not stand the test is left alone.

torch-pruning says what belongs together (`dependencies`), `probing` whether units arrive where they should,
and cutting a copy whether the network runs with fewer of them. A user's module may do anything in its
forward.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from trainables.errors import StudyError
from trainables.groups import probing
from trainables.groups.dependencies import Dependencies
from trainables.groups.graph import Alive, Graph, Layer, Norm
from trainables.groups.liveness import settle
from trainables.groups.modules import channels, is_norm
from trainables.groups.run import Run
from trainables.groups.surgery import cut

Reach = Mapping[str, Mapping[str, None]]


@torch.enable_grad()
def trace(module: nn.Module, example: Tensor) -> Graph:
    """The structure of ``module``, which is left as it is.

    Args:
        example: (1, *input shape); its values do not matter.

    Raises:
        ValueError: the module does not run on the example, or has no Linear or convolution on the way to
        its output.
    """
    skeleton = copy.deepcopy(module).eval().requires_grad_(True)
    for child in skeleton.modules():
        if is_norm(child):
            # A trained one may hide a unit, behind a weight of zero or by shifting it to where the
            # activation is flat.
            child.reset_parameters()  # type: ignore[operator]
    example = example.detach()
    run = Run(skeleton, example)
    dependencies = Dependencies(skeleton, example, run)
    layers = dependencies.layers()
    if not layers:
        raise StudyError(
            f"expected {type(module).__name__} to have nn.Linear or nn.Conv modules on the way to its "
            "output, but found none; weights used without such a module are not seen"
        )
    layers = _aligned(layers, skeleton)
    readers = _readers(layers, dependencies.reach, run)
    graph = _counted(skeleton, example, layers, readers, run)
    graph = _probed(graph, dependencies.reach)
    return _tried(graph)


def _readers(layers: tuple[Layer, ...], reach: Reach, run: Run) -> tuple[str, ...]:
    """The layers that read the network's input, if all read the same features in the same way; else none."""
    reached = {path for targets in reach.values() for path in targets}
    readers = [layer for layer in layers if layer.name not in reached]
    seen = [run.inputs[layer.name] for layer in readers]
    same = all(x.shape == seen[0].shape and torch.equal(x, seen[0]) for x in seen)
    plain = all(layer.groups == 1 and run.calls[layer.name] == 1 and layer.kind == readers[0].kind for layer in readers)
    return tuple(layer.name for layer in readers) if same and plain else ()


def _aligned(layers: tuple[Layer, ...], skeleton: nn.Module) -> tuple[Layer, ...]:
    """Sets `Layer.block` and `Layer.parts` as grouped norms and convolutions demand; fixes where it fails."""
    by_name = {layer.name: layer for layer in layers}
    blocks: dict[int, set[int]] = {layer.tie: {1} for layer in layers}
    parts: dict[int, set[int]] = {layer.tie: {1} for layer in layers}
    reasons: dict[int, str] = {}
    for layer in layers:
        if not layer.depthwise:
            parts[layer.tie].add(layer.groups)
        for edge in layer.feeds:
            consumer = by_name[edge.layer]
            if consumer.groups > 1 and layer.units != consumer.inputs:
                reasons[layer.tie] = f"{consumer.name} reads it in groups, with other units or several times"
            elif not consumer.depthwise:
                parts[layer.tie].add(consumer.groups)
        for edge in layer.norms:
            norm = skeleton.get_submodule(edge.layer)
            if isinstance(norm, nn.GroupNorm):
                blocks[layer.tie].add(norm.num_channels // norm.num_groups)
                if layer.units != norm.num_channels:
                    reasons[layer.tie] = f"{edge.layer} norms it in groups, with other units or several times"
    for tie in blocks:
        if any(max(sizes) % size for sizes in (blocks[tie], parts[tie]) for size in sizes):
            reasons[tie] = f"its groups do not nest: {sorted(blocks[tie])}, {sorted(parts[tie])}"
        if max(blocks[tie]) > 1 and max(parts[tie]) > 1:
            reasons[tie] = "it is normed in groups and read in groups"
    aligned = (replace(layer, block=max(blocks[layer.tie]), parts=max(parts[layer.tie])) for layer in layers)
    return tuple(replace(layer, fixed=layer.fixed or reasons.get(layer.tie, "")) for layer in aligned)


def _counted(
    skeleton: nn.Module, example: Tensor, layers: tuple[Layer, ...], readers: tuple[str, ...], run: Run
) -> Graph:
    """The graph, with what the network has outside of layers and norms."""
    norms = tuple(_norm(skeleton, name) for name in dict.fromkeys(e.layer for x in layers for e in x.norms))
    known = {name for layer in layers for name in (layer.weight, layer.bias)}
    weights = [p for name, p in skeleton.named_parameters() if name in known]
    tensors = [*skeleton.parameters(), *skeleton.buffers()]
    macs = sum(x.positions * x.units * (x.inputs // x.groups) * x.kernel for x in layers)
    return Graph(
        layers=layers,
        norms=norms,
        readers=readers,
        input_features=next(x.inputs for x in layers if x.name in readers) if readers else example.shape[1],
        other_parameters=sum(p.numel() for p in skeleton.parameters())
        - sum(p.numel() for p in weights)
        - sum(norm.channels * norm.parameters for norm in norms),
        other_bytes=_bytes(tensors) - _bytes(weights) - sum(norm.channels * norm.bytes for norm in norms),
        other_macs=run.macs - macs,
        skeleton=skeleton,
        example=example,
    )


def _norm(skeleton: nn.Module, name: str) -> Norm:
    module = skeleton.get_submodule(name)
    parameters = list(module.parameters())
    tensors = [*parameters, *(buffer for buffer in module.buffers() if buffer.dim() == 1)]
    return Norm(name, channels(module), len(parameters), sum(t.element_size() for t in tensors))


def _bytes(tensors: Sequence[Tensor]) -> int:
    return sum(t.numel() * t.element_size() for t in tensors)


def _probed(graph: Graph, reach: Reach) -> Graph:
    """Fixes the sets whose units do not arrive where they should, and sets `Edge.folds`."""
    while graph.hidden and (strange := probing.strangers(graph)):
        blamed = {
            layer.tie: reason
            for target, reason in strange.items()
            for layer in graph.hidden
            if target in reach[layer.name]
        }
        # None of them is known to reach the place: then there is a way that the tracer did not see, from
        # anywhere.
        graph = _fix(graph, blamed or {layer.tie: next(iter(strange.values())) for layer in graph.hidden})
    folds = probing.folding(graph)
    return replace(
        graph,
        layers=tuple(
            replace(layer, feeds=tuple(replace(e, folds=(layer.name, e.layer) in folds) for e in layer.feeds))
            for layer in graph.layers
        ),
    )


def _fix(graph: Graph, reasons: dict[int, str]) -> Graph:
    layers = (replace(layer, fixed=layer.fixed or reasons.get(layer.tie, "")) for layer in graph.layers)
    return replace(graph, layers=tuple(layers))


def _tried(graph: Graph) -> Graph:
    """Cuts copies of the network, and fixes what its forward cannot bear: sizes written into it, say."""
    generator = torch.Generator().manual_seed(0)
    masks = {}
    for first, *_ in graph.ties:
        blocks = torch.rand(1, first.units // first.block, generator=generator) < 0.5
        masks[first.tie] = blocks.repeat_interleave(first.block, dim=1)
    features = torch.ones(1, graph.input_features, dtype=torch.bool)
    if graph.readers:
        features[:, 1:] = torch.rand(1, graph.input_features - 1, generator=generator) < 0.5
    ties = {layer.tie for layer in graph.hidden}
    if _complaint(graph, masks, ties, features) is None:
        return graph
    if _complaint(graph, masks, set(), features) is not None:
        graph = replace(graph, readers=(), input_features=graph.example.shape[1])
    whole = torch.ones(1, graph.input_features, dtype=torch.bool)
    complaints = {tie: _complaint(graph, masks, {tie}, whole) for tie in ties}
    return _fix(graph, {tie: complaint for tie, complaint in complaints.items() if complaint})


def _complaint(graph: Graph, masks: dict[int, Tensor], ties: set[int], inputs: Tensor) -> str | None:
    """What happens to the network without the masked units of these sets; None if it runs."""
    alive = {
        layer.name: masks[layer.tie] if layer.tie in ties else torch.ones_like(masks[layer.tie])
        for layer in graph.layers
    }
    module = copy.deepcopy(graph.skeleton)
    with torch.no_grad():
        before = module(graph.example).shape
        try:
            cut(module, graph, Alive(settle(graph, alive), inputs, {}))
            after = module(graph.example).shape
        except (RuntimeError, IndexError, ValueError, TypeError) as error:
            return f"the network does not run with fewer units: {str(error).splitlines()[0]}"
    return None if after == before else f"with fewer units the output is {tuple(after)}, not {tuple(before)}"
