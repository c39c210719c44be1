"""Follows the units of a network through one run: every operation hands the labels of what it reads on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from trainables.groups.labels import Unions, along, spread, varying
from trainables.groups.modules import is_depthwise, is_layer, units
from trainables.groups.operations import POINTWISE, Rules
from trainables.groups.run import Run

_LEARNED = frozenset({""})
"""Stands for parameters outside of layers among what a tensor was computed from."""

OUTPUT = "part of the network's output"


class Tracker(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Runs ``module`` on ``example`` and finds which units arrive where.

    Layers and norms are known by their modules, all else by torch's operations.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: to keep the compiler out of the dispatch, torch would load it, a second of every process's start."""
        return False

    def __init__(self, module: nn.Module, example: Tensor, run: Run) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.unions = Unions()
        self.rules = Rules(self.unions)
        self.run, self.module = run, module
        self.rows: dict[str, Tensor] = {}
        """By layer: the labels of its units."""
        self.columns: dict[str, Tensor] = {}
        """By layer and norm: the labels of its columns or channels."""
        self.slices: dict[str, tuple[Tensor, ...]] = {}
        """By other parameter or buffer: the labels along each axis."""
        self.reach: dict[str, dict[str, None]] = {}
        """By layer: the layers and norms that its units arrive at before any other layer."""
        self.reading: dict[str, list[str]] = {}
        """By layer: what reads its output as it is; modules by their names, operations as ""."""
        self.learned: set[str] = set()
        """The layers that read what parameters outside of layers had a part in."""
        self.outputs: frozenset[str]
        """The layers whose units reach the network's output before any other layer."""
        self.normed: list[Tensor] = []
        """Labels of what norms over all channels are taken of."""
        self.within: set[str] = set()
        """The norms that are taken of each head by itself."""
        self._inside = 0
        self._labels: dict[int, list[Tensor]] = {}
        self._origins: dict[int, frozenset[str]] = {}
        self._outputs: dict[int, str] = {}
        self._owned: dict[int, tuple[str, ...]] = {}
        self._kept: list[Tensor] = [example]
        self._watch(module)
        with torch.no_grad(), self._hooks(), sdpa_kernel(SDPBackend.MATH), self:
            result = module(example)
        self.outputs = self._origins.get(id(result), frozenset()) - _LEARNED
        for label in self._labels_of(result):
            self.unions.fix(label, OUTPUT)

    def _watch(self, module: nn.Module) -> None:
        """Labels for all tensors of the network."""
        for name in self.run.calls:
            child = module.get_submodule(name)
            if is_layer(child):
                self.rows[name] = self.unions.fresh(units(child))
                self.reach[name], self.reading[name] = {}, []
            self.columns[name] = self.unions.fresh(self.run.channels(name, child))
            for tensor in (*child.parameters(recurse=False), *child.buffers(recurse=False)):
                self._owned[id(tensor)] = (*self._owned.get(id(tensor), ()), name)
                self._kept.append(tensor)
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if id(tensor) not in self._owned:
                self.slices[name] = tuple(self.unions.fresh(size) for size in tensor.shape)
                own = [spread(x, axis, tensor.dim()) for axis, x in enumerate(self.slices[name]) if len(x) > 1]
                self._note(tensor, own, _LEARNED if isinstance(tensor, nn.Parameter) else frozenset())

    @property
    def shared(self) -> set[int]:
        """The tensors that several modules have."""
        return {tensor for tensor, names in self._owned.items() if len(names) > 1}

    def _note(self, tensor: Tensor, labels: list[Tensor], origins: frozenset[str]) -> None:
        self._labels[id(tensor)] = labels
        self._origins[id(tensor)] = origins
        self._kept.append(tensor)

    def _labels_of(self, tensor: Tensor) -> list[Tensor]:
        return self._labels.get(id(tensor), [])

    # -- operations ----------------------------------------------------------------------------------------------

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if not self._inside:
            names = [argument.name for argument in func._schema.arguments]
            values = dict(zip(names, args, strict=False)) | kwargs
            tensors = [t for v in values.values() for t in (v if isinstance(v, list | tuple) else [v])]
            self._follow(func, values, [t for t in tensors if isinstance(t, Tensor)], out)
        return out

    def _follow(self, func: Any, values: dict[str, Any], tensors: list[Tensor], out: Any) -> None:
        origins = frozenset().union(*(self._origins.get(id(t), frozenset()) for t in tensors))
        for tensor in tensors:
            if id(tensor) in self._outputs:
                self.reading[self._outputs[id(tensor)]].append("")
            for name in self._owned.get(id(tensor), ()):
                for label in (self.rows.get(name), self.columns.get(name)):
                    if label is not None:
                        self.unions.fix(label, f"the weights of {name} are used outside of it")
        outputs = [o for o in (out if isinstance(out, list | tuple) else [out]) if isinstance(o, Tensor)]
        found = None
        # An operation may be used in a way that its rule does not foresee.
        with suppress(RuntimeError, IndexError, ValueError, TypeError, KeyError):
            found = self.rules.outputs(func, values, self._labels_of, out)
        written = func._schema.is_mutable and torch.Tag.pointwise not in func.tags
        name = func._schema.name.split("::")[1]
        written = written and name != "as_strided_" and name.removesuffix("_") not in POINTWISE
        if found is None or len(found) != len(outputs) or written:
            for label in (label for tensor in tensors for label in self._labels_of(tensor)):
                self.unions.fix(label, f"how {name} treats units is not known")
            found = [[] for _ in outputs]
        for tensor, labels in zip(outputs, found, strict=True):
            fits = all(x.dim() == tensor.dim() for x in labels)
            self._note(tensor, labels if fits else [], origins)

    # -- modules -------------------------------------------------------------------------------------------------

    @contextmanager
    def _hooks(self) -> Iterator[None]:
        handles = []
        for name in self.run.calls:
            child = self.module.get_submodule(name)
            handles.append(child.register_forward_pre_hook(lambda _, args, name=name: self._enter(name, args[0])))
            handles.append(child.register_forward_hook(lambda _, args, out, name=name: self._leave(name, args[0], out)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, name: str, x: Tensor) -> None:
        self._inside += 1
        if id(x) in self._outputs:
            self.reading[self._outputs[id(x)]].append(name)
        origins = self._origins.get(id(x), frozenset())
        if origins >= _LEARNED:
            self.learned.add(name)
        for origin in origins - _LEARNED:
            self.reach[origin][name] = None

    def _leave(self, name: str, x: Tensor, out: Tensor) -> None:
        self._inside -= 1
        with _disable_current_modes():
            module: Any = self.module.get_submodule(name)
            if name in self.run.mixing:
                self._note(out, self._mixed(name, x), self._origins.get(id(x), frozenset()))
                return
            axis = (x.dim() - 1) if isinstance(module, nn.Linear) else 1
            kept = []
            for label in self._labels_of(x):
                others = [a for a in varying(label) if a != axis]
                left = self.unions.collapse_all(label, others, f"{name} is applied along its units")
                if left is None or (axis not in varying(left) and x.shape[axis] > 1):
                    if left is not None:
                        self.unions.fix(left, f"{name} is applied along its units")
                    continue
                self.unions.join(along(left, axis, x.shape), self.columns[name])
                kept.append(left)
            if is_layer(module):
                if is_depthwise(module):
                    self.unions.join(self.columns[name], self.rows[name])
                self._note(out, [spread(self.rows[name], axis, out.dim())], frozenset({name}))
                self._outputs[id(out)] = name
                return
            if isinstance(module, nn.GroupNorm):
                blocks = self.columns[name].view(module.num_groups, -1)
                self.unions.join(blocks, blocks[:, :1])
            self._note(out, kept, self._origins.get(id(x), frozenset()))

    def _mixed(self, name: str, x: Tensor) -> list[Tensor]:
        """The labels of what a norm over all channels gives."""
        mixing, kept = self.run.mixing[name], []
        axis = mixing.axis % x.dim()
        together = {"layer": {axis}, "rms": {axis}}.get(mixing.form, set(range(1, x.dim())))
        for label in self._labels_of(x):
            left: Tensor | None = label
            if varying(label) == (axis,) and mixing.silent:
                self.unions.join(along(label, axis, x.shape), self.columns[name])
                self.normed.append(label)
            else:  # a norm within a head, say
                left = self.unions.collapse_all(label, sorted(together), "normed over all units together")
                self.within |= set() if left is None else {name}
            kept += [] if left is None else [left]
        return kept
