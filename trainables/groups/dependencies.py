"""Layers and edges, read from the labels that a run of the network left: what is of one class goes together."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from torch import nn

from trainables.groups.arrivals import arrivals
from trainables.groups.dimensions import Dimensions
from trainables.groups.graph import Product
from trainables.groups.layer import Edge, Layer, Part
from trainables.groups.mixing import axis_of
from trainables.groups.modules import channels, folds_shifts, is_depthwise, pads_with_zeros, units
from trainables.groups.run import Run
from trainables.groups.tracker import OUTPUT, Tracker

UNMATCHED = "layers are added whose units do not match one by one"


class Dependencies:
    """What `Tracker` says of a module, set by set of layers whose units go together."""

    def __init__(self, module: nn.Module, tracker: Tracker, run: Run) -> None:
        self.module, self.tracker, self.run = module, tracker, run
        self.modules = {name: module.get_submodule(name) for name in tracker.rows}
        self.dimensions = Dimensions(tracker, self.modules)
        numbers, self.reasons = tracker.unions.classes()
        self.rows = {name: numbers[labels] for name, labels in tracker.rows.items()}
        self.columns = {name: numbers[labels] for name, labels in tracker.columns.items()}
        self.slices = {
            slice_name(name, axis): (name, axis)
            for name, found in tracker.slices.items()
            for axis, labels in enumerate(found)
            if len(labels) > 1
        }
        """By name: tensors outside of layers and norms and their axes."""
        self.columns |= {key: numbers[tracker.slices[name][axis]] for key, (name, axis) in self.slices.items()}
        self.heads = {int(number) for labels in tracker.rules.heads for number in numbers[labels[labels >= 0]]}
        self.added = {int(number) for labels in tracker.rules.added for number in numbers[labels[labels >= 0]]}
        self.normed = {int(number) for labels in tracker.normed for number in numbers[labels[labels >= 0]]}
        self.macs: dict[int, int] = {}
        for labels, each in tracker.rules.macs:
            for number in numbers[labels].tolist():
                self.macs[number] = self.macs.get(number, 0) + each
        self.parameters = {id(p): name for name, p in module.named_parameters()}
        self.unread = self._unread()

    def _unread(self) -> set[str]:
        """Layers that the output does not depend on."""
        reading, found = set(self.tracker.outputs), {""}
        while found:
            found = {name for name, targets in self.tracker.reach.items() if reading & {*targets}} - reading
            reading |= found
        return set(self.modules) - reading

    def layers(self) -> tuple[Layer, ...]:
        """In forward order; `Layer.fixed` says why a layer loses no units."""
        found: dict[str, Layer] = {}
        for tie, name in enumerate(self.modules):
            if name not in found:
                found |= {layer.name: layer for layer in self._set(name, tie)}
        return tuple(found[name] for name in self.modules)

    def _members(self, name: str) -> list[str]:
        """The layers that share classes of units, and so on."""
        members, classes = [name], set(self.rows[name].tolist())
        joined = [name]
        while joined:
            joined = [m for m, own in self.rows.items() if m not in members and not classes.isdisjoint(own.tolist())]
            members += joined
            classes.update(*(self.rows[m].tolist() for m in joined))
        return [m for m in self.modules if m in members]

    def _set(self, name: str, tie: int) -> list[Layer]:
        members = self._members(name)
        order = {number: i for i, number in enumerate(dict.fromkeys(self.rows[name].tolist()))}
        alike = all(set(self.rows[m].tolist()) == set(order) for m in members)
        reasons = {self.reasons[number] for number in order if number in self.reasons}
        reasons |= {f"{m} does not reach the output" for m in members if m in self.unread}
        if len(order) == 1 and len(self.rows[name]) > 1:
            reasons = reasons or {"all of its units go together"}
        slices = [key for key in self.slices if not set(order).isdisjoint(self.columns[key].tolist())]
        edges = {m: {t: self._edges(m, t) for t in (*self.tracker.reach[m], *slices)} for m in members if alike}
        normed, added = bool(self.normed & set(order)), bool(self.added & set(order))
        if normed and alike:  # what reads a table that they are added to, before any of them is
            edges[members[0]] |= {t: self._edges(members[0], t) for t in self._beyond(members, set(order))}
        reasons = reasons or self._reasons(members, edges, normed)
        fixed = "; ".join(sorted(reasons)) if alike else UNMATCHED
        tied = sum(not is_depthwise(self.modules[m]) for m in members) > 1
        stream = normed and added and (tied or bool(slices))
        what = "stream" if stream else "channels" if tied and added else "units"
        what = "heads" if self.heads & set(order) else what
        place = list(self.modules).index
        layers = [
            self._layer(
                m, tie if alike else place(m), tied, what, order if alike else {}, edges.get(m, {}), fixed, normed
            )
            for m in members
        ]
        if normed and not fixed:
            layers[0] = replace(layers[0], besides=self._besides(layers, order))
        return self.dimensions.within(layers) if what == "heads" and not fixed else layers

    def _beyond(self, members: list[str], classes: set[int]) -> list[str]:
        """Layers and norms that read units of these classes and are reached from none of the members."""
        reached = {target for m in members for target in self.tracker.reach[m]}
        return [
            target
            for target in self.run.calls
            if target not in reached and not classes.isdisjoint(self.columns[target].tolist())
        ]

    def _besides(self, members: list[Layer], order: dict[int, int]) -> tuple[Part, ...]:
        """The parameters outside of layers that have numbers of these groups."""
        found = []
        own = {name for layer in members for name in layer.rows}
        for target in dict.fromkeys(edge.layer for layer in members for edge in layer.norms):
            groups = tuple(order.get(number, -1) for number in self.columns[target].tolist())
            if target in self.slices:
                tensors = [self.slices[target]]
            else:
                module = self.module.get_submodule(target)
                tensors = [(f"{target}.{name}", axis_of(p)) for name, p in module.named_parameters(recurse=False)]
            for name, axis in tensors:
                if name in self.parameters.values() and name not in own:
                    numbers = self.module.get_parameter(name)
                    found.append(Part(name, axis, groups, numbers.numel() // numbers.shape[axis]))
        return tuple(found)

    def _edges(self, name: str, target: str) -> tuple[Edge, ...] | None:
        """Which columns of ``target`` are of the classes of the layer's units, in runs; None where none is."""
        return arrivals(target, self.rows[name].tolist(), self.columns[target].tolist())

    def _reasons(
        self, members: list[str], edges: dict[str, dict[str, tuple[Edge, ...] | None]], normed: bool
    ) -> set[str]:
        found = {OUTPUT} if self.tracker.outputs & set(members) else set()
        known = {target for own in edges.values() for target, arrivals in own.items() if arrivals}
        near = {target for own in edges.values() for target in own if target not in self.slices}
        for path in dict.fromkeys((*members, *(target for m in members for target in self.tracker.reach[m]), *near)):
            if path in self.tracker.within:
                continue
            own = self.module.get_submodule(path).named_parameters(recurse=False)
            if (
                path in self.modules
                and not normed
                and any(self._back(m, path) for m in members if path in edges.get(m, {}))
            ):
                found.add(f"{path} is used more than once, on what it gives itself")
            if any(self.parameters.get(id(p)) != f"{path}.{name}" or id(p) in self.tracker.shared for name, p in own):
                found.add(f"{path} shares its parameters with another module")
            if path not in members and path not in known:
                found.add(f"how its units arrive at {path} is not known")
        return found

    def _layer(
        self,
        name: str,
        tie: int,
        tied: bool,
        what: str,
        order: dict[int, int],
        edges: dict[str, tuple[Edge, ...] | None],
        fixed: str,
        normed: bool,
    ) -> Layer:
        module: Any = self.modules[name]
        free = normed and not fixed
        known = [edge for found in edges.values() for edge in found or ()]
        together = tuple(order[number] for number in self.rows[name].tolist()) if order else ()
        return Layer(
            name=name,
            kind="linear" if isinstance(module, nn.Linear) else "conv",
            weight=self.parameters[id(module.weight)],
            bias=None if module.bias is None else self.parameters[id(module.bias)],
            units=units(module),
            inputs=channels(module),
            size=module.weight[0].numel() + (module.bias is not None),
            feeds=tuple(
                edge for edge in known if edge.layer in self.modules and (free or not self._back(name, edge.layer))
            ),
            norm=self._norm(name),
            norms=tuple(edge for edge in known if edge.layer not in self.modules),
            output=name in self.tracker.outputs,
            tied=tied,
            tie=tie,
            fixed=fixed,
            groups=getattr(module, "groups", 1),
            kernel=math.prod(module.weight.shape[2:]),
            positions=self.run.positions[name],
            input_positions=self.run.inputs[name].numel() // channels(module),
            pads=pads_with_zeros(module),
            together=() if together == tuple(range(len(together))) else together,
            what=what,
            normed=free,
        )

    def _back(self, name: str, target: str) -> bool:
        """Whether a layer feeds one that was called before it, which is then used more than once."""
        order = list(self.modules)
        return order.index(target) <= order.index(name)

    def _norm(self, name: str) -> str | None:
        """The batch norm that alone reads the layer, and reads nothing else."""
        readers = set(self.tracker.reading[name])
        reader = readers.pop() if len(readers) == 1 else ""
        module = self.module.get_submodule(reader) if reader else None
        if not folds_shifts(module) or self.run.calls[reader] != 1:
            return None
        return reader if channels(module) == units(self.modules[name]) else None

    def products(self, layers: tuple[Layer, ...]) -> tuple[Product, ...]:
        """The products of attentions, each with the first layer of its heads."""
        found = []
        for layer in layers:
            numbers = dict.fromkeys(self.rows[layer.name].tolist())
            macs = {self.macs.get(number, 0) for number in numbers}
            first = not any(other.tie == layer.tie for other in layers[: layers.index(layer)])
            if layer.hidden and first and macs != {0}:
                found.append(Product(layer.name, macs.pop() if len(macs) == 1 else 0))
        return tuple(found)


def slice_name(tensor: str, axis: int) -> str:
    """The name of a tensor's axis, as edges have it."""
    return f"{tensor}[{axis}]"
