"""Finds the structure of a network, and tries out what was found: what does not stand the test is left alone.

`Tracker` says what belongs together, `probing` whether units arrive where they should, and `trial` whether a copy of
the network with fewer of them gives what the whole one does without them. A user's module may do anything in its
forward.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from trainables.errors import StudyError
from trainables.groups import probing, trial
from trainables.groups.dependencies import Dependencies
from trainables.groups.graph import Graph, Norm
from trainables.groups.layer import Layer
from trainables.groups.modules import is_norm
from trainables.groups.run import Run
from trainables.groups.tracker import Tracker

Reach = Mapping[str, Mapping[str, None]]


@torch.no_grad()
def trace(module: nn.Module, example: Tensor) -> Graph:
    """The structure of ``module``, which is left as it is.

    Args:
        example: (1, *input shape); its values do not matter.

    Raises:
        ValueError: the module does not run on the example, or has no Linear or convolution on the way to
        its output.
    """
    skeleton = copy.deepcopy(module).eval().requires_grad_(False)
    for child in skeleton.modules():
        if is_norm(child):
            # A trained one may hide a unit, behind a weight of zero or by shifting it to where the
            # activation is flat.
            child.reset_parameters()  # type: ignore[operator]
    example = example.detach()
    run = Run(skeleton, example)
    tracker = Tracker(skeleton, example, run)
    dependencies = Dependencies(skeleton, tracker, run)
    layers = dependencies.layers()
    if not layers:
        raise StudyError(
            f"expected {type(module).__name__} to have nn.Linear or nn.Conv modules on the way to its "
            "output, but found none; weights used without such a module are not seen"
        )
    layers = _aligned(layers, skeleton)
    readers = _readers(layers, tracker, run)
    graph = _counted(skeleton, example, layers, readers, run, dependencies)
    graph = _probed(graph, tracker.reach)
    graph = trial.tried(graph)
    graph.skeleton.requires_grad_(True)
    return graph


def _readers(layers: tuple[Layer, ...], tracker: Tracker, run: Run) -> tuple[str, ...]:
    """The layers that read the network's input, if all read the same features in the same way; else none."""
    reached = {path for targets in tracker.reach.values() for path in targets}
    readers = [layer for layer in layers if layer.name not in reached]
    seen = [run.inputs[layer.name] for layer in readers]
    same = all(x.shape == seen[0].shape and torch.equal(x, seen[0]) for x in seen)
    plain = all(layer.groups == 1 and run.calls[layer.name] == 1 and layer.kind == readers[0].kind for layer in readers)
    learned = any(layer.name in tracker.learned for layer in readers)
    return tuple(layer.name for layer in readers) if same and plain and not learned else ()


def _aligned(layers: tuple[Layer, ...], skeleton: nn.Module) -> tuple[Layer, ...]:
    """Sets `Layer.parts` as grouped convolutions demand; fixes where it fails."""
    by_name = {layer.name: layer for layer in layers}
    parts: dict[int, set[int]] = {layer.tie: {1} for layer in layers}
    reasons: dict[int, str] = {}
    for layer in layers:
        if not layer.depthwise:
            parts[layer.tie].add(layer.groups)
        for edge in layer.feeds:
            consumer = by_name[edge.layer]
            if consumer.groups > 1 and (layer.units != consumer.inputs or edge.picks):
                reasons[layer.tie] = f"{consumer.name} reads it in groups, with other units or several times"
            elif not consumer.depthwise:
                parts[layer.tie].add(consumer.groups)
        for edge in layer.norms:
            norm = None if edge.layer.endswith("]") else skeleton.get_submodule(edge.layer)
            if (
                isinstance(norm, nn.GroupNorm)
                and norm.num_groups > 1
                and (layer.units != norm.num_channels or edge.picks)
            ):
                reasons[layer.tie] = f"{edge.layer} norms it in groups, with other units or several times"
    grouped = {layer.tie for layer in layers if layer.together}
    for tie, sizes in parts.items():
        if any(max(sizes) % size for size in sizes):
            reasons[tie] = f"its groups do not nest: {sorted(sizes)}"
        if tie in grouped and max(sizes) > 1:
            reasons[tie] = "it is normed in groups and read in groups"
    return tuple(
        replace(layer, parts=max(parts[layer.tie]), fixed=layer.fixed or reasons.get(layer.tie, "")) for layer in layers
    )


def _counted(
    skeleton: nn.Module,
    example: Tensor,
    layers: tuple[Layer, ...],
    readers: tuple[str, ...],
    run: Run,
    dependencies: Dependencies,
) -> Graph:
    """The graph, with what the network has outside of layers and norms."""
    names = dict.fromkeys(e.layer for x in layers for e in x.norms)
    norms = tuple(_norm(skeleton, name, run, *dependencies.slices.get(name, ("", 0))) for name in names)
    known = {name for layer in layers for name in (layer.weight, layer.bias)}
    weights = [p for name, p in skeleton.named_parameters() if name in known]
    tensors = [*skeleton.parameters(), *skeleton.buffers()]
    products = dependencies.products(layers)
    heads = {layer.name: layer.count for layer in layers}
    macs = sum(x.positions * x.units * (x.inputs // x.groups) * x.kernel for x in layers)
    macs += sum(product.macs * heads[product.layer] for product in products)
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
        products=products,
    )


def _norm(skeleton: nn.Module, name: str, run: Run, tensor: str, axis: int) -> Norm:
    if tensor:
        path, _, last = tensor.rpartition(".")
        whole: Tensor = getattr(skeleton.get_submodule(path), last)
        each = whole.numel() // whole.shape[axis]
        parameters = each if isinstance(whole, nn.Parameter) else 0
        return Norm(name, whole.shape[axis], parameters, each * whole.element_size(), tensor, axis)
    module = skeleton.get_submodule(name)
    own = list(module.parameters())
    tensors = [*own, *(buffer for buffer in module.buffers() if buffer.dim() == 1)]
    mixing, width = run.mixing.get(name), run.channels(name, module)
    return Norm(name, width, len(own), sum(t.element_size() for t in tensors), mixing=mixing)


def _bytes(tensors: Sequence[Tensor]) -> int:
    return sum(t.numel() * t.element_size() for t in tensors)


def _probed(graph: Graph, reach: Reach) -> Graph:
    """Fixes the sets whose units do not arrive where they should, and sets `Edge.folds`."""
    while graph.hidden and (strange := _strangers(graph)):
        blamed = {
            layer.tie: reason
            for target, reason in strange.items()
            for layer in graph.hidden
            if target in reach[layer.name]
        }
        # None of them is known to reach the place: then there is a way that the tracker did not see, from
        # anywhere.
        graph = graph.fix(blamed or {layer.tie: next(iter(strange.values())) for layer in graph.hidden})
    folds = _folding(graph)
    return replace(
        graph,
        layers=tuple(
            replace(layer, feeds=tuple(replace(e, folds=(layer.name, e.layer) in folds) for e in layer.feeds))
            for layer in graph.layers
        ),
    )


def _strangers(graph: Graph) -> dict[str, str]:
    try:
        return probing.strangers(graph)
    except Exception as error:  # A user's module may look at the numbers that it computes with.
        return {
            "": f"the network does not run on numbers in the place of its layers' own: {str(error).splitlines()[0]}"
        }


def _folding(graph: Graph) -> set[tuple[str, str]]:
    try:
        return probing.folding(graph) if graph.hidden else set()
    except Exception:  # As above; constants then count as varying, which keeps more than has to stay.
        return set()
