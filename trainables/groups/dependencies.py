"""Layers and edges as torch-pruning's dependency graph has them, read from the autograd graph of one run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch_pruning
from torch import Tensor, nn

from trainables.groups.graph import Edge, Layer
from trainables.groups.modules import channels, folds_shifts, is_layer, is_norm, is_shared, pads_with_zeros, units
from trainables.groups.run import Run

Pairs = list[tuple[int, int]]


class Dependencies:
    """What torch-pruning says of a module that has been run.

    Reference: Fang et al. 2023, "DepGraph: towards any structural pruning".
    """

    def __init__(self, module: nn.Module, example: Tensor, run: Run) -> None:
        self.module, self.run = module, run
        self.found: Any = torch_pruning.DependencyGraph().build_dependency(
            module, example_inputs=[example], verbose=False
        )
        nodes = self.found.module2node
        called = {name: module.get_submodule(name) for name in run.calls}
        self.modules: dict[str, Any] = {n: m for n, m in called.items() if is_layer(m) and m in nodes}
        self.parameters = {id(p): name for name, p in module.named_parameters()}
        self.outputs: set[str] = set()
        self.reach = {n: dict.fromkeys(self._walk(n, nodes[m])) for n, m in self.modules.items()}
        """The layers and norms that each layer's units arrive at before any other layer."""

    def _name(self, target: object) -> str | None:
        return self.run.names.get(target) if isinstance(target, nn.Module) else None

    def _walk(self, name: str, start: Any) -> Iterator[str]:
        stack, seen = [start], {start}
        while stack:
            node = stack.pop()
            if not node.outputs:
                self.outputs.add(name)
            for following in node.outputs:
                if following in seen:
                    continue
                seen.add(following)
                path = self._name(following.module)
                if path is not None and (path in self.modules or is_norm(following.module)):
                    yield path
                if path not in self.modules:
                    stack.append(following)

    def layers(self) -> tuple[Layer, ...]:
        """In forward order; `Layer.fixed` says of sets that torch-pruning could not follow why."""
        done: dict[str, Layer] = {}
        for tie, name in enumerate(self.modules):
            if name not in done:
                done |= {layer.name: layer for layer in self._set(name, tie)}
        return tuple(done[name] for name in self.modules)

    def _set(self, name: str, tie: int) -> list[Layer]:
        """The layers whose units go together with those of ``name``."""
        module = self.modules[name]
        count = units(module)
        pruner = self.found.get_pruner_of_module(module)
        group = self.found.get_pruning_group(module, pruner.prune_out_channels, list(range(count)))
        members, joined = {name}, True
        arrivals: dict[str, Pairs] = {}
        reasons = set()
        for item in group:
            target = item.dep.target.module
            path = self._name(target)
            pairs = sorted(zip(item.root_idxs, item.idxs, strict=True))
            if path is not None and path in self.modules and item.dep.handler.__name__ != "prune_in_channels":
                members.add(path)
                joined &= pairs == [(unit, unit) for unit in range(count)] and units(target) == count
            elif path is not None and (path in self.modules or is_norm(target)):
                arrivals[path] = pairs
            elif isinstance(target, nn.Parameter) or (path and not is_shared(target)):
                reasons.add(f"{path or 'a parameter outside of layers'} is not known how to cut")
        depthwise = {m for m in members if getattr(self.modules[m], "groups", 1) == units(self.modules[m]) > 1}
        edges: dict[str, Edge | None] = {}
        if joined:
            edges = {path: self._edge(path, pairs, count, members) for path, pairs in arrivals.items()}
            # A depthwise convolution is a member of the set that it reads from.
            edges |= {member: Edge(member) for member in depthwise}
            fixed = "; ".join(sorted(reasons | self._reasons(members, edges)))
        else:
            fixed = "layers are added whose units do not match one by one"
        numbers = {member: tie if joined else list(self.modules).index(member) for member in members}
        tied = len(members - depthwise) > 1
        return [self._layer(member, numbers[member], tied, edges, fixed) for member in members]

    def _edge(self, path: str, pairs: Pairs, count: int, members: set[str]) -> Edge | None:
        """Where the units' columns lie, or None if they do not lie side by side in the units' order."""
        repeat, offset = len(pairs) // count, pairs[0][1]
        total = channels(self.module.get_submodule(path))
        others = any(path in targets for name, targets in self.reach.items() if name not in members)
        if repeat == 1 and total > count and total % count == 0 and not others:
            # torch-pruning knows the flattening of 4-D tensors only. `probing` tells if this is one.
            return Edge(path, total // count)
        regular = [(unit, offset + unit * repeat + k) for unit in range(count) for k in range(repeat)]
        return Edge(path, repeat, offset) if pairs == regular else None

    def _reasons(self, members: set[str], edges: dict[str, Edge | None]) -> set[str]:
        found = {"part of the network's output"} if members & self.outputs else set()
        for path in members.union(*(self.reach[member] for member in members)):
            own = self.module.get_submodule(path).named_parameters(recurse=False)
            if self.run.calls[path] > 1:
                found.add(f"{path} is used more than once")
            if any(self.parameters.get(id(p)) != f"{path}.{name}" for name, p in own):
                found.add(f"{path} shares its parameters with another module")
            if path not in members and edges.get(path) is None:
                found.add(f"how its units arrive at {path} is not known")
        return found

    def _layer(self, name: str, tie: int, tied: bool, edges: dict[str, Edge | None], fixed: str) -> Layer:
        module = self.modules[name]
        known = [edge for path in self.reach[name] if (edge := edges.get(path))]
        return Layer(
            name=name,
            kind="linear" if isinstance(module, nn.Linear) else "conv",
            weight=self.parameters[id(module.weight)],
            bias=None if module.bias is None else self.parameters[id(module.bias)],
            units=units(module),
            inputs=channels(module),
            size=module.weight[0].numel() + (module.bias is not None),
            feeds=tuple(edge for edge in known if edge.layer in self.modules),
            norm=self._norm(module),
            norms=tuple(edge for edge in known if edge.layer not in self.modules),
            output=name in self.outputs,
            tied=tied,
            tie=tie,
            fixed=fixed,
            groups=getattr(module, "groups", 1),
            kernel=math.prod(module.weight.shape[2:]),
            positions=self.run.positions[name],
            input_positions=self.run.inputs[name].numel() // channels(module),
            pads=pads_with_zeros(module),
        )

    def _norm(self, module: nn.Module) -> str | None:
        """The batch norm that alone reads the layer, and reads nothing else."""
        readers = set(self.found.module2node[module].outputs)
        node = readers.pop() if len(readers) == 1 else None
        if node is None or len(set(node.inputs)) != 1 or not folds_shifts(node.module):
            return None
        name = self.run.names[node.module]
        return name if self.run.calls[name] == 1 and channels(node.module) == units(module) else None
