"""The pattern of zeros that polishing keeps."""

from __future__ import annotations

from torch import Tensor

from trainables.groups import Graph, Layer

Params = dict[str, Tensor]


def zero_pattern(graph: Graph, params: Params) -> Params:
    """Masks, 1 or 0, that hold at zero what is zero in the stacked tensors of P lanes.

    Held are weights, scales of a layer's batch norm, and the biases of units whose weights or scale are all zero: such a
    unit emits zero and has to go on so. A tensor without zeros to hold has no mask.
    """
    masks: Params = {}
    for layer in graph.layers:
        masks |= _of_layer(layer, params)
    return {name: mask.to(params[name].dtype) for name, mask in masks.items() if not bool(mask.all())}


def _of_layer(layer: Layer, params: Params) -> Params:
    weight = params[layer.weight] != 0
    connected = weight.flatten(2).any(2)
    masks = {layer.weight: weight}
    if layer.bias:
        masks[layer.bias] = connected | (params[layer.bias] != 0)
    if layer.norm:
        scale, shift = f"{layer.norm}.weight", f"{layer.norm}.bias"
        if scale in params:
            masks[scale] = params[scale] != 0
            connected = connected & masks[scale]
        if shift in params:
            masks[shift] = connected | (params[shift] != 0)
    return masks
