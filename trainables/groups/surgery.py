"""Cuts units and columns out of a module: index selection along the edges of its graph, in place."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainables.groups.graph import Alive, Graph, Norm
from trainables.groups.layer import Layer
from trainables.groups.mixing import narrowed


class Select(nn.Module):
    """The features (last axis) or channels (axis 1) of x that are still read."""

    index: Tensor

    def __init__(self, index: Tensor, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("index", index)

    def forward(self, x: Tensor) -> Tensor:
        return x.index_select(self.dim, self.index)

    def extra_repr(self) -> str:
        return f"{len(self.index)}, dim={self.dim}"


class Inner(nn.Linear):
    """Of heads that have lost some of their dimensions: these are not read, or are zero without being computed.

    So the attention between goes on with heads of the width that they had, and with the scale that goes with it, though
    each may have lost others.

    Args:
        columns: of x that are read, None for all. places: of each number of the output, among those that are computed;
            their number where it is zero; None for all in their order.
    """

    columns: Tensor | None
    places: Tensor | None

    def __init__(self, linear: nn.Linear, columns: Tensor | None, places: Tensor | None) -> None:
        super().__init__(linear.in_features, linear.out_features, linear.bias is not None, device="meta")
        self.weight, self.bias = linear.weight, linear.bias
        self.register_buffer("columns", columns)
        self.register_buffer("places", places)
        self.train(linear.training)

    def forward(self, x: Tensor) -> Tensor:
        if self.columns is not None:
            x = x.index_select(-1, self.columns)
        x = super().forward(x)
        return x if self.places is None else nn.functional.pad(x, (0, 1)).index_select(-1, self.places)


@torch.no_grad()
def cut(module: nn.Module, graph: Graph, alive: Alive) -> None:
    """Makes ``module`` keep only what lives in the one lane of ``alive``; parameters become new tensors.

    A layer that reads the network's input, of which not all is read, becomes Sequential(Select, layer), and one of
    heads that have lost some of their dimensions `Inner`.
    """
    heads = graph.heads(alive.units)
    for layer in graph.layers:
        target = module.get_submodule(layer.name)
        columns = graph.columns(layer.name, layer.inputs, alive.units)
        if layer.name in graph.readers:
            columns = alive.inputs
        _cut_layer(target, layer, alive.units[layer.name][0], None if columns is None else columns[0])
        _put_inside(module, graph, layer, alive.units, heads)
    for norm in graph.norms:
        channels = graph.columns(norm.name, norm.channels, heads)
        if channels is not None and not bool(channels.all()):
            if norm.tensor:
                _cut_tensor(module, norm, channels[0])
            elif norm.mixing:
                _narrow(module, norm, channels[0])
            else:
                _cut_norm(module.get_submodule(norm.name), norm, channels[0])
    for size in graph.sizes:
        setattr(module.get_submodule(size.module), size.attribute, int(heads[size.layer].sum()) // size.units)
    if not bool(alive.inputs.all()):
        index = alive.inputs[0].nonzero().flatten().to(next(module.parameters()).device)
        for name in graph.readers:
            dim = -1 if graph.layer(name).kind == "linear" else 1
            _replace(module, name, nn.Sequential(Select(index.clone(), dim), module.get_submodule(name)))


def widen(module: nn.Module, graph: Graph) -> None:
    """Puts norms of our own in the place of those over all channels, which may compute in float32 whatever they get."""
    for norm in graph.norms:
        if norm.mixing:
            _narrow(module, norm, torch.ones(norm.channels, dtype=torch.bool))


def _narrow(module: nn.Module, norm: Norm, channels: Tensor) -> None:
    assert norm.mixing
    _replace(module, norm.name, narrowed(module.get_submodule(norm.name), norm.mixing, channels))


def _replace(module: nn.Module, name: str, new: nn.Module) -> None:
    """Wherever it is: a module may have several names."""
    old = module.get_submodule(name)
    for parent in list(module.modules()):
        for child, found in list(parent._modules.items()):
            if found is old:
                setattr(parent, child, new)


def _cut_layer(module: nn.Module, layer: Layer, rows: Tensor, columns: Tensor | None) -> None:
    if columns is None:
        columns = rows.new_ones(layer.inputs)
    if bool(rows.all()) and bool(columns.all()):
        return
    weight = module.get_parameter("weight")
    rows, columns = rows.to(weight.device), columns.to(weight.device)
    units, inputs = int(rows.sum()), int(columns.sum())
    if layer.depthwise:
        new = weight[rows]
        module.groups = module.in_channels = module.out_channels = units  # type: ignore[assignment]
    else:
        groups = layer.groups
        grouped = weight.reshape(groups, -1, *weight.shape[1:])
        row = rows.view(groups, -1).nonzero()[:, 1].view(groups, -1, 1)
        column = columns.view(groups, -1).nonzero()[:, 1].view(groups, 1, -1)
        new = grouped[torch.arange(groups, device=weight.device).view(-1, 1, 1), row, column].flatten(0, 1)
        if layer.kind == "linear":
            module.out_features, module.in_features = units, inputs  # type: ignore[assignment]
        else:
            module.out_channels, module.in_channels = units, inputs  # type: ignore[assignment]
    module.weight = nn.Parameter(new.clone(), requires_grad=weight.requires_grad)
    if module.bias is not None:
        bias = module.get_parameter("bias")
        module.bias = nn.Parameter(bias[rows].clone(), requires_grad=bias.requires_grad)


def _put_inside(
    module: nn.Module, graph: Graph, layer: Layer, units: dict[str, Tensor], heads: dict[str, Tensor]
) -> None:
    """Puts an `Inner` in the place of a layer that computes or reads parts of heads."""
    read, whole = (graph.columns(layer.name, layer.inputs, masks) for masks in (units, heads))
    columns = places = None
    target = module.get_submodule(layer.name)
    if read is not None and whole is not None and not torch.equal(read, whole):
        columns = read[whole].nonzero().flatten()
    left = units[layer.name][heads[layer.name]]
    if not bool(left.all()):
        places = torch.where(left, left.cumsum(0) - 1, left.sum())
    if isinstance(target, nn.Linear) and (columns is not None or places is not None):
        device = target.weight.device
        columns, places = (None if index is None else index.to(device) for index in (columns, places))
        _replace(module, layer.name, Inner(target, columns, places))


def _cut_tensor(module: nn.Module, norm: Norm, channels: Tensor) -> None:
    path, _, name = norm.tensor.rpartition(".")
    owner = module.get_submodule(path)
    whole = getattr(owner, name)
    left = whole.index_select(norm.axis, channels.nonzero().flatten().to(whole.device))
    setattr(owner, name, nn.Parameter(left, whole.requires_grad) if isinstance(whole, nn.Parameter) else left)


def _cut_norm(module: nn.Module, norm: Norm, channels: Tensor) -> None:
    for name, parameter in list(module.named_parameters(recurse=False)):
        setattr(module, name, nn.Parameter(parameter[channels].clone(), requires_grad=parameter.requires_grad))
    for name, buffer in list(module.named_buffers(recurse=False)):
        if buffer.dim() == 1:
            setattr(module, name, buffer[channels].clone())
    left = int(channels.sum())
    if isinstance(module, nn.GroupNorm):
        module.num_groups = left * module.num_groups // module.num_channels
        module.num_channels = left
    elif isinstance(module, nn.PReLU):
        module.num_parameters = left
    else:
        module.num_features = left  # type: ignore[assignment]
