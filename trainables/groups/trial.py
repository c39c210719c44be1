"""Cuts copies of a network before anything is trained, and compares: what cannot be cut exactly is left whole.

Random groups of units are taken out of a network twice: by zeros in all weights into and out of them, and by `cut`. The
outputs have to be the same. They are not where forward has sizes written into it, or computes weights from weights
(weight standardisation, parametrisations, hooks), or norms what is left by what was there.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from trainables.groups.graph import Alive, Graph, Size
from trainables.groups.layer import Layer
from trainables.groups.liveness import settle
from trainables.groups.surgery import cut, widen
from trainables.groups.views import remove_groups

LARGE_MACS = 1_000_000_000
"""From here on networks are compared in float32, which has twice the speed."""

Masks = dict[int, Tensor]
_VARIANTS = 4


def tried(graph: Graph) -> Graph:
    """Fixes the sets that do not stand the trial, and finds the numbers that have to follow them (`Graph.sizes`)."""
    trial = _Trial(graph)
    return _with_dimensions(trial, _tried(trial, graph))


def _tried(trial: _Trial, graph: Graph) -> Graph:
    sets = {layer.tie for layer in graph.hidden}
    whole = torch.ones(1, graph.input_features, dtype=torch.bool)
    # Most networks need no numbers to follow, others the same ones everywhere.
    for wanted in range(_VARIANTS):
        sizes = [size for members in graph.ties if members[0].tie in sets for size in _sizes(graph, members[0])[wanted]]
        sized = replace(graph, sizes=tuple(dict.fromkeys(sizes)))
        if (wanted == 0 or sizes) and trial.complaint(sized, sets, trial.features) is None:
            return sized
    if graph.readers and trial.complaint(graph, set(), trial.features) is not None:
        graph = replace(graph, readers=(), input_features=graph.example.shape[1])
        whole = torch.ones(1, graph.input_features, dtype=torch.bool)
    reasons: dict[int, str] = {}
    for members in graph.ties:
        if members[0].tie in sets:
            found = _own_sizes(trial, graph, members[0], whole)
            if isinstance(found, str):
                reasons[members[0].tie] = found
            else:
                graph = replace(graph, sizes=(*graph.sizes, *found))
    graph = graph.fix(reasons)
    rest = {layer.tie for layer in graph.hidden}
    complaint = trial.complaint(graph, rest, whole) if rest else None
    return graph if complaint is None else graph.fix(dict.fromkeys(rest, complaint))


def _with_dimensions(trial: _Trial, graph: Graph) -> Graph:
    """The graph whose heads lose dimensions only where that stands the trial, too."""
    sets = {layer.inside.tie for members in graph.dimensions for layer in members if layer.inside}
    ties, whole = {layer.tie for layer in graph.hidden}, torch.ones(1, graph.input_features, dtype=torch.bool)
    if not sets or trial.complaint(graph, ties, whole, sets) is None:
        return graph
    reasons = {tie: found for tie in sets if (found := trial.complaint(graph, ties, whole, {tie})) is not None}
    layers = (
        replace(layer, inside=None, rigid=reasons[layer.inside.tie])
        if layer.inside and layer.inside.tie in reasons
        else layer
        for layer in graph.layers
    )
    return replace(graph, layers=tuple(layers))


def _own_sizes(trial: _Trial, graph: Graph, first: Layer, features: Tensor) -> tuple[Size, ...] | str:
    """The numbers that follow the set of ``first``, or what is wrong with cutting it."""
    complaint = ""
    for sizes in dict.fromkeys(_sizes(graph, first)):
        found = trial.complaint(replace(graph, sizes=(*graph.sizes, *sizes)), {first.tie}, features)
        if found is None:
            return sizes
        complaint = complaint or found
    return complaint


def _sizes(graph: Graph, first: Layer) -> tuple[tuple[Size, ...], ...]:
    """Which numbers of the modules around a set of heads may have to follow it: none, then more and more."""
    if first.what != "heads":
        return ((),) * _VARIANTS
    members = [layer for layer in graph.layers if layer.tie == first.tie]
    paths = [layer.name for layer in members] + [edge.layer for layer in members for edge in layer.feeds]
    counts: list[Size] = []
    widths: list[Size] = []
    for path in _around(paths):
        for attribute, value in vars(graph.skeleton.get_submodule(path)).items():
            if not isinstance(value, int) or isinstance(value, bool):
                continue
            for layer in members:
                each = layer.units // layer.count
                if value == layer.count and "head" in attribute:
                    counts.append(Size(path, attribute, layer.name, each))
                    break
                parts = {layer.units: 1, layer.units // 3: 3}  # q, k and v in one layer
                if value in parts:
                    widths.append(Size(path, attribute, layer.name, parts[value]))
                    break
    own = [size for size in widths if "head" in size.attribute or "inner" in size.attribute]
    return (), tuple(counts), (*counts, *own), (*counts, *widths)


def _around(paths: Sequence[str]) -> Iterator[str]:
    """The modules that hold some of these, up to the innermost one that holds all of them."""
    parts = [path.split(".")[:-1] for path in paths]
    common = 0
    while all(len(p) > common and p[common] == parts[0][common] for p in parts):
        common += 1
    yield from dict.fromkeys(".".join(p[:depth]) for p in parts for depth in range(common, len(p) + 1))


class _Trial:
    """What is cut: half of the groups of each set, and half of the input features."""

    def __init__(self, graph: Graph) -> None:
        generator = torch.Generator().manual_seed(0)
        self.masks: Masks = {}
        for first, *_ in graph.ties:
            kept = torch.rand(1, first.count, generator=generator) < 0.5
            kept[:, :1], kept[:, -1:] = True, first.count == 1
            self.masks[first.tie] = kept
        self.dimensions: Masks = {}
        for layer, *_ in graph.dimensions:
            assert layer.inside
            self.dimensions[layer.inside.tie] = torch.rand(1, layer.count, generator=generator) < 0.5
        self.features = torch.ones(1, graph.input_features, dtype=torch.bool)
        if graph.readers:
            self.features[:, 1:] = torch.rand(1, graph.input_features - 1, generator=generator) < 0.5
        self.noisy, self.example = self._noisy(graph, generator)

    def _noisy(self, graph: Graph, generator: torch.Generator) -> tuple[nn.Module, Tensor]:
        """The network with all its parameters off zero, and random inputs for it."""
        module = copy.deepcopy(graph.skeleton)
        widen(module, graph)
        with torch.no_grad():
            for parameter in module.parameters():
                if parameter.is_floating_point():
                    parameter.add_(torch.randn(parameter.shape, generator=generator).to(parameter), alpha=0.02)
        x = graph.example
        if not x.is_floating_point():
            return (module if graph.macs < LARGE_MACS and _runs(module.double(), x) else module.float()), x
        x = torch.randn(x.shape, generator=generator).to(x)
        if graph.macs < LARGE_MACS and _runs(module.double(), x.double()):
            return module, x.double()
        return module.float(), x

    @torch.no_grad()
    def complaint(self, graph: Graph, ties: set[int], inputs: Tensor, inside: Collection[int] = ()) -> str | None:
        """What happens to the network without the masked groups of these sets; None if it is as it should be.

        Args:
            inside: the sets of dimensions of heads that are among them.
        """
        alive = {
            layer.name: layer.ungrouped(self.masks[layer.tie])
            if layer.tie in ties
            else torch.ones(1, layer.units, dtype=torch.bool)
            for layer in graph.layers
        }
        for members in graph.dimensions:
            for layer in members if members[0].inside and members[0].inside.tie in inside else ():
                assert layer.inside
                alive[layer.name] = alive[layer.name] & layer.ungrouped(self.dimensions[layer.inside.tie])
        kept = Alive(settle(graph, alive), inputs, {})
        module = copy.deepcopy(self.noisy)
        _silence(module, graph, kept)
        try:
            before = module(self.example)
            cut(module, graph, kept)
            after = module(self.example)
        except Exception as error:
            return f"the network does not run with fewer units: {(str(error) or type(error).__name__).splitlines()[0]}"
        if after.shape != before.shape:
            return f"with fewer units the output is {tuple(after.shape)}, not {tuple(before.shape)}"
        exact = 1e-9 if self.example.dtype == torch.float64 or before.dtype == torch.float64 else 1e-3
        difference = float((after - before).abs().max())
        if not difference <= exact * (1 + float(before.abs().max())):
            return "what is left computes something else without its units: weights or norms are computed from all"
        return None


@torch.no_grad()
def _runs(module: nn.Module, x: Tensor) -> bool:
    """Whether it does in float64: it may have float32 written into it."""
    try:
        module(x)
    except Exception:
        return False
    return True


def _silence(module: nn.Module, graph: Graph, alive: Alive) -> None:
    """Zeros in all weights into and out of the units that do not stay."""
    params = {name: parameter.unsqueeze(0) for name, parameter in module.named_parameters()}
    heads = graph.heads(alive.units)
    for members in graph.ties:
        gone = ~members[0].grouped(heads[members[0].name])
        if bool(gone.any()):
            remove_groups(params, members, gone)
    for members in graph.dimensions:
        for layer in members:
            # Of the two factors of a product one is enough, now this and now that.
            chosen = (layer.factor < 0) | (layer.factor == torch.tensor(layer.together) % 2)
            for name in layer.rows:
                params[name][heads[layer.name] & ~alive.units[layer.name] & chosen] = 0
    for layer in graph.layers:
        columns = graph.columns(layer.name, layer.inputs, alive.units)
        if layer.name in graph.readers:
            columns = alive.inputs
        if columns is not None and not layer.depthwise:
            weight = module.get_parameter(layer.weight)
            weight.view(layer.groups, layer.units // layer.groups, -1, layer.kernel).mul_(
                columns.view(layer.groups, 1, -1, 1)
            )
