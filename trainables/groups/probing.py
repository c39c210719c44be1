"""Experiments on a network that tell whether its structure was understood: do units arrive where they should?

Every layer's output is replaced by numbers of our own, so that one run shows what each layer reads from
which unit, through whatever lies between.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import torch
from torch import Tensor

from trainables.groups.graph import Graph
from trainables.groups.layer import Layer
from trainables.seeds import seed_of

Output = Callable[[Layer, torch.Size], Tensor]
"""(layer, shape of its output) -> what it is to give."""

_SAMPLES = 16
_TOLERANCE = 1e-5


def strangers(graph: Graph) -> dict[str, str]:
    """Layers and norms with channels that depend on other units than their edges say, each with a sentence.

    In each of 16 samples every unit that can be removed takes one of two values, of different signs, at
    random. A channel has to change in exactly those samples in which one of its units does. The key ""
    stands for the network's output, which such units must not reach.
    """
    generator = torch.Generator().manual_seed(0)
    bits = {}
    for layer in graph.hidden:
        if layer.normed:
            continue  # a norm of all units changes in all of them: the trial tells whether they can go
        drawn = torch.rand(_SAMPLES, layer.count, generator=generator) < 0.5
        drawn[0] = False
        bits[layer.name] = layer.ungrouped(drawn)

    still: set[str] = set()
    """The layers that compute the same for all examples: what is done to a table of positions."""

    def output(layer: Layer, shape: torch.Size) -> Tensor:
        high: Tensor
        high, low = torch.rand(2, *shape[1:], generator=_generator(layer)) * 0.6 + 0.3
        if shape[0] % _SAMPLES:
            still.add(layer.name)
        if layer.name not in bits or layer.name in still:
            return high.expand(shape)
        # Windows or patches may lie along the axis of examples, those of an example side by side.
        windows = shape[0] // _SAMPLES
        toggled = _spread(layer, bits[layer.name].repeat_interleave(windows, 0), len(shape))
        return torch.where(toggled, -low, high)

    x = graph.example.expand(_SAMPLES, *graph.example.shape[1:]).clone()
    seen, result = _run(graph, x, output)
    found = {}
    for name, values in seen.items():
        expected = torch.zeros(values.shape[:2], dtype=torch.bool)
        weighing = [(layer, edge) for layer in graph.layers for edge in layer.steers if edge.layer == name]
        for layer, edge in (*graph.sources[name], *weighing):
            if layer.name in bits and layer.name not in still:
                expected[:, edge.span(layer.units)] |= edge.arriving(bits[layer.name])
        if not torch.equal((values - values[:1]).abs().amax(2) > _TOLERANCE, expected):
            found[name] = f"{name} does not read its units one by one"
    if bool(((result - result[:1]).abs() > _TOLERANCE).any()):
        found[""] = "the network's output depends on it by a way that is not known"
    return found


def folding(graph: Graph) -> set[tuple[str, str]]:
    """The pairs (layer, consumer) where constant units arrive as constants, whatever the input and position.

    Half of the units of each tied set are held constant, then the other half, while all else varies.
    """
    generator = torch.Generator().manual_seed(0)
    halves = {first.tie: torch.rand(1, first.count, generator=generator) < 0.5 for first, *_ in graph.ties}
    pairs = {(layer.name, edge.layer) for layer in graph.layers for edge in layer.feeds}
    for flip in (False, True):
        held = {
            layer.name: layer.ungrouped(halves[layer.tie] ^ flip) & (layer.factor < 0)
            if layer.hidden
            else torch.zeros(1, layer.units, dtype=torch.bool)
            for layer in graph.layers
        }

        def output(layer: Layer, shape: torch.Size, held: dict[str, Tensor] = held) -> Tensor:
            draw = _generator(layer)
            level = _spread(layer, torch.randn(1, layer.units, generator=draw), len(shape))
            constant = _spread(layer, held[layer.name], len(shape))
            return torch.where(constant, level, torch.randn(shape, generator=draw))

        seen, _ = _run(graph, _random(graph.example, 4, generator), output)
        pairs = {pair for pair in pairs if pair[1] in seen}
        for name, values in seen.items():
            sources = graph.sources[name]
            constant = torch.zeros(values.shape[1], dtype=torch.bool)
            for layer, edge in sources:
                constant[edge.span(layer.units)] = edge.arriving(held[layer.name])[0]
            for layer, edge in sources:
                span = edge.span(layer.units)
                part = values[:, span][:, constant[span]]
                if not torch.allclose(part, part[:1, :, :1].expand_as(part), rtol=1e-4, atol=_TOLERANCE):
                    pairs.discard((layer.name, name))
    return pairs


def _random(example: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Inputs like the example; whole numbers are taken from it in another order each time."""
    if example.is_floating_point():
        return torch.randn(count, *example.shape[1:], generator=generator)
    numbers = example.flatten()
    return torch.stack([numbers[torch.randperm(len(numbers), generator=generator)] for _ in range(count)]).view(
        count, *example.shape[1:]
    )


def _generator(layer: Layer) -> torch.Generator:
    return torch.Generator().manual_seed(seed_of("probing", layer.name))


def _spread(layer: Layer, values: Tensor, dims: int) -> Tensor:
    """(N, units) -> broadcastable to a layer's output: units last in linear layers, else in dimension 1."""
    if layer.kind == "linear":
        return values.view(len(values), *(1,) * (dims - 2), -1)
    return values.view(len(values), -1, *(1,) * (dims - 2))


@torch.no_grad()
def _run(graph: Graph, x: Tensor, output: Output) -> tuple[dict[str, Tensor], Tensor]:
    """What layers and norms with sources read of each example, (N, channels, positions), and the output."""
    calls: dict[str, list[Tensor]] = {}
    last = {norm.name for norm in graph.norms if norm.mixing and norm.mixing.axis == -1}

    def keep(name: str, value: Tensor) -> None:
        if name in last or (name in graph.by_name and graph.by_name[name].kind == "linear"):
            value = value.movedim(-1, 1)
        if value.shape[0] % len(x):
            return  # the same for all examples
        value = value.reshape(len(x), -1, value.shape[1], value[0, 0].numel())
        calls.setdefault(name, []).append(value.transpose(1, 2).flatten(2).clone().cpu())

    with ExitStack() as stack:
        for name in graph.sources:
            if name.endswith("]"):
                continue  # a tensor that no module reads
            module = graph.skeleton.get_submodule(name)
            hook = module.register_forward_pre_hook(lambda _, args, name=name: keep(name, args[0]))
            stack.callback(hook.remove)
        for layer in graph.layers:
            module = graph.skeleton.get_submodule(layer.name)
            hook = module.register_forward_hook(
                lambda _, args, out, layer=layer: output(layer, out.shape).to(out, copy=True)
            )
            stack.callback(hook.remove)
        result: Tensor = graph.skeleton(x.to(graph.example))
    return {name: torch.cat(values, 2) for name, values in calls.items()}, result
