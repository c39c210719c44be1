"""What torch's operations do to labels: one rule for each kind of operation.

What no rule is known for keeps its units whole, with its name for the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from trainables.groups.labels import Operand, Unions, compressed, varying

SAME = {
    "alias", "clone", "contiguous", "detach", "lift_fresh", "_to_copy", "to", "empty_like", "zeros_like", "ones_like",
    "full_like", "rand_like", "randn_like", "view_as_real_copy", "_conj", "native_dropout",
}  # fmt: skip
RESHAPES = {"view", "_unsafe_view", "reshape", "_reshape_alias", "view_copy", "squeeze", "unsqueeze", "flatten"}
MOVES = {
    "permute", "transpose", "t", "expand", "select", "slice", "split", "split_with_sizes", "unbind", "roll", "flip",
    "repeat", "index", "index_select", "gather", "pixel_shuffle", "pixel_unshuffle", "diagonal", "unfold", "movedim",
    "_unsafe_index", "channel_shuffle", "native_channel_shuffle", "as_strided", "rot90", "repeat_interleave",
}  # fmt: skip
REDUCTIONS = {
    "sum", "mean", "amax", "amin", "max", "min", "var", "std", "var_mean", "std_mean", "prod", "logsumexp", "any",
    "all", "argmax", "argmin", "norm", "linalg_vector_norm", "median", "count_nonzero",
}  # fmt: skip
ALONG = {"_softmax", "_log_softmax", "_safe_softmax", "cumsum", "cumprod", "sort", "topk", "cummax", "logcumsumexp"}
NORMS = {"native_layer_norm", "rms_norm", "_fused_rms_norm"}
POINTWISE = {
    "hardswish", "hardsigmoid", "leaky_relu", "elu", "selu", "celu", "mish", "hardtanh", "softplus", "threshold",
    "rrelu_with_noise", "log_sigmoid_forward", "softshrink", "hardshrink", "_prelu_kernel", "relu6", "where", "clamp",
    "masked_fill", "dropout", "nan_to_num", "gelu", "silu",
}  # fmt: skip
"""Those that torch does not tag so."""
SPATIAL = ("pool", "upsample", "reflection_pad", "replication_pad")


@dataclass
class Rules:
    """``heads``: the labels of a batched product's batches; ``macs`` and what one batch of each costs."""

    unions: Unions
    heads: list[Tensor] = field(default_factory=list)
    macs: list[tuple[Tensor, int]] = field(default_factory=list)
    added: list[Tensor] = field(default_factory=list)
    """Labels of sums of numbers that are each of a unit."""

    def outputs(self, func: Any, values: Mapping[str, Any], labels: Any, out: Any) -> list[list[Tensor]] | None:
        """The labels of each tensor that an operation gives; None where no rule is known.

        Args:
            values: its arguments by their names in the schema. labels: tensor -> its labels.
        """
        name = func._schema.name.split("::")[1]
        name = name.removesuffix("_") if not name.startswith("_") or name.endswith("_") else name
        first = next((v for v in values.values() if isinstance(v, Tensor)), None)
        outputs = [o for o in (out if isinstance(out, list | tuple) else [out]) if isinstance(o, Tensor)]
        if name in ("cat", "stack"):
            return [self._cat(values["tensors"], int(values.get("dim", 0)), labels, stacked=name == "stack")]
        if first is None:
            return [[] for _ in outputs]
        if name == "embedding":
            return [self._looked_up(labels(first), outputs[0])]
        if name == "as_strided" and func._schema.is_mutable:  # how a pooling writes its result's strides
            return [labels(first)]
        if name in SAME:
            return [labels(first), *([] for _ in outputs[1:])]
        if name in RESHAPES:
            return [[compressed(own.expand(first.shape).reshape(outputs[0].shape)) for own in labels(first)]]
        if name in MOVES:
            return self._moved(func, values, first, labels(first), outputs)
        if name == "constant_pad_nd":
            return [[self._padded(own, values["pad"]) for own in labels(first)]]
        if name in REDUCTIONS and ("dim" in values or name not in ("max", "min") or "other" not in values):
            return self._reduced(values, first, labels(first), outputs, name)
        if name in ALONG:
            axis = int(values.get("dim", -1)) % max(first.dim(), 1)
            kept = [self.unions.collapse_all(own, [axis], f"taken together by {name}") for own in labels(first)]
            return [[own for own in kept if own is not None] for _ in outputs]
        if name in NORMS:
            last = range(first.dim() - len(values["normalized_shape"]), first.dim())
            kept = [self.unions.collapse_all(own, last, "normed over all units together") for own in labels(first)]
            return [[own for own in kept if own is not None], *([] for _ in outputs[1:])]
        if name == "glu":
            axis = int(values.get("dim", -1)) % first.dim()
            halves = [[own.expand(first.shape).chunk(2, axis)[i] for own in labels(first)] for i in (0, 1)]
            operands = [(outputs[0].shape, [compressed(own) for own in half]) for half in halves]
            return [self.unions.elementwise(operands, first.dim(), "multiplied with other units")]
        if name in ("mm", "bmm"):
            return [self._product(values["self"], values["mat2"], labels, outputs[0])]
        if name in ("addmm", "baddbmm"):
            names = ("mat1", "mat2") if name == "addmm" else ("batch1", "batch2")
            product = self._product(values[names[0]], values[names[1]], labels, outputs[0])
            operands = [(values["self"].shape, labels(values["self"])), (outputs[0].shape, product)]
            return [self.unions.elementwise(operands, outputs[0].dim(), "added to numbers of no unit")]
        if any(part in name for part in SPATIAL):
            return self._spatial(labels(first), outputs, name)
        if torch.Tag.pointwise in func.tags or name in POINTWISE:
            tensors = [v for v in values.values() if isinstance(v, Tensor)]
            operands = [(tensor.shape, labels(tensor)) for tensor in tensors]
            reason = f"combined by {name} with numbers that are of no unit"
            found = self.unions.elementwise(operands, outputs[0].dim(), reason)
            if name in ("add", "sub") and all(own for _, own in operands):
                self.added += found
            return [found]
        return None

    def _moved(
        self, func: Any, values: Mapping[str, Any], first: Tensor, labels: list[Tensor], outputs: list[Tensor]
    ) -> list[list[Tensor]]:
        found: list[list[Tensor]] = [[] for _ in outputs]
        for own in labels:
            arguments = {k: (own.expand(first.shape) if v is first else v) for k, v in values.items()}
            moved = func(**{k: v for k, v in arguments.items() if k != "sparse_grad"})
            for place, label in zip(found, moved if isinstance(moved, list | tuple) else [moved], strict=True):
                place.append(compressed(label))
        return found

    def _looked_up(self, labels: list[Tensor], out: Tensor) -> list[Tensor]:
        """Rows of a table, by their numbers."""
        found = []
        for label in labels:
            if varying(label) == (1,):
                found.append(label.view(*(1,) * (out.dim() - 1), -1))
            else:
                self.unions.fix(label, "looked up by its number")
        return found

    def _padded(self, label: Tensor, pad: list[int]) -> Tensor:
        """Numbers of no unit, -1, along the axes that the labels vary along."""
        widths = list(pad)
        for i in range(len(pad) // 2):
            if label.shape[-1 - i] == 1:
                widths[2 * i : 2 * i + 2] = [0, 0]
        return torch.nn.functional.pad(label, widths, value=-1)

    def _reduced(
        self, values: Mapping[str, Any], first: Tensor, labels: list[Tensor], outputs: list[Tensor], name: str
    ) -> list[list[Tensor]]:
        dim = values.get("dim")
        axes = list(range(first.dim())) if dim is None or dim == [] else [dim] if isinstance(dim, int) else list(dim)
        axes = sorted({axis % max(first.dim(), 1) for axis in axes})
        found = []
        for own in labels:
            kept = self.unions.collapse_all(own, axes, f"taken together by {name}")
            if kept is not None and outputs[0].dim() < first.dim():
                shape = [size for axis, size in enumerate(kept.shape) if axis not in axes]
                kept = kept.reshape(shape)
            if kept is not None:
                found.append(kept)
        return [found for _ in outputs]

    def _spatial(self, labels: list[Tensor], outputs: list[Tensor], name: str) -> list[list[Tensor]]:
        kept = [self.unions.collapse_all(x, range(2, x.dim()), f"taken together by {name}") for x in labels]
        return [[own for own in kept if own is not None and own.dim() == outputs[0].dim()] for _ in outputs]

    def _cat(self, tensors: list[Tensor], dim: int, labels: Any, stacked: bool) -> list[Tensor]:
        pieces: list[Operand] = [(t.shape, labels(t)) for t in tensors if t.dim() > 1 or t.numel()]
        dims = len(pieces[0][0]) + stacked
        dim %= dims
        if stacked:
            pieces = [
                ((*shape[:dim], 1, *shape[dim:]), [own.unsqueeze(dim) for own in found]) for shape, found in pieces
            ]
        # Units told apart across the pieces go together; those told apart along the axis lie end to end.
        across = [
            ((*shape[:dim], 1, *shape[dim + 1 :]), [x for x in own if varying(x) and dim not in varying(x)])
            for shape, own in pieces
        ]
        found = self.unions.elementwise(across, dims, "put beside numbers of no unit")
        lone = not any(own for _, own in across)
        ends = [[x for x in own if dim in varying(x) or (lone and not varying(x))] for _, own in pieces]
        if any(ends):
            wide = {axis for own in ends for x in own for axis in varying(x)} - {dim}
            laid = []
            for (shape, _), own in zip(pieces, ends, strict=True):
                for extra in own[1:]:
                    self.unions.fix(extra, "put end to end with other units")
                size = [n if axis == dim or axis in wide else 1 for axis, n in enumerate(shape)]
                laid.append(own[0].expand(size) if own else torch.full(size, -1))
            found.append(compressed(torch.cat(laid, dim)))
        return found

    def _product(self, one: Tensor, other: Tensor, labels: Any, out: Tensor) -> list[Tensor]:
        """(b, n, k) times (b, k, m); what is contracted goes with its batch, a head say, or not at all."""
        flat = out.dim() == 2
        lefts = [x.unsqueeze(0) if flat else x for x in labels(one)]
        rights = [x.unsqueeze(0) if flat else x for x in labels(other)]
        reason = "multiplied with weights outside of layers, or with other units"
        self._factors(
            [x[:, 0] for x in lefts if varying(x) == (0, 2)], [x[..., 0] for x in rights if varying(x) == (0, 1)]
        )
        sides = [
            [y for x in found if (y := self.unions.contract(x, axis, reason)) is not None]
            for found, axis in ((lefts, 2), (rights, 1))
        ]
        batches = 1 if flat else out.shape[0]
        found = self.unions.elementwise([((batches, *(1, 1)), own) for own in sides], 3, reason)
        # Only batches meet each other: what is told apart by rows and by columns are different units.
        for label in found:
            if 0 in varying(label):
                self.heads.append(label)
                each = one.shape[-1] * out.shape[-1] * out.shape[-2]
                self.macs.append((label.expand(batches, *label.shape[1:])[:, 0, 0], each))
        return [x.squeeze(0) for x in found] if flat else found

    def _factors(self, lefts: list[Tensor], rights: list[Tensor]) -> None:
        """What is contracted in a product of batches: (b, k) labels of either side."""
        if len(lefts) == len(rights) == 1:
            self.unions.multiply(lefts[0], rights[0])
        else:
            for label in (*lefts, *rights):
                self.unions.leave(label, "multiplied with numbers of no unit inside of its heads")
