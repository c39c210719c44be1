"""nn.MultiheadAttention with its projections as layers, so that its heads can be told apart, cut and regularised."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

_PROJECTIONS = ("q_proj", "k_proj", "v_proj")


class Attention(nn.Module):
    """What nn.MultiheadAttention computes, with the same arguments, from the same numbers.

    Its weights are those of four linear layers; dropout of attention is a module. ``in_proj_bias`` is None to
    nn.TransformerEncoderLayer, whose fused path would read the weights past the layers.
    """

    in_proj_bias = None
    in_proj_weight = None
    _qkv_same_embed_dim = True

    def __init__(self, given: nn.MultiheadAttention) -> None:
        super().__init__()
        self.head_dim, self.batch_first = given.head_dim, given.batch_first
        self.num_heads = given.num_heads
        width, bias = given.embed_dim, given.in_proj_bias is not None
        self.q_proj = nn.Linear(width, width, bias, device="meta")
        self.k_proj = nn.Linear(given.kdim, width, bias, device="meta")
        self.v_proj = nn.Linear(given.vdim, width, bias, device="meta")
        own = dict(given.named_parameters())
        for name, tensor in parted({n: p.detach() for n, p in own.items()}).items():
            layer, _, what = name.rpartition(".")
            if layer in _PROJECTIONS:
                trained = all(p.requires_grad for n, p in own.items() if "out_proj" not in n)
                setattr(self.get_submodule(layer), what, nn.Parameter(tensor.clone(), trained))
        self.out_proj = given.out_proj
        self.drop = nn.Dropout(given.dropout)
        self.train(given.training)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """As nn.MultiheadAttention's: the output, and the weights of attention where they are asked for."""
        batched = query.dim() == 3
        if not batched:
            query, key, value = (x.unsqueeze(0) for x in (query, key, value))
            key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
        elif not self.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        q, k, v = (
            layer(x).reshape(*x.shape[:2], -1, self.head_dim).transpose(1, 2)
            for layer, x in ((self.q_proj, query), (self.k_proj, key), (self.v_proj, value))
        )
        scores = q @ k.mT * self.head_dim**-0.5
        if is_causal and attn_mask is None:
            attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
        if attn_mask is not None:
            of_heads = attn_mask.dim() == 3
            mask = attn_mask.reshape(len(q), -1, *attn_mask.shape[1:]) if of_heads else attn_mask
            scores = scores + _additive(mask, scores)
        if key_padding_mask is not None:
            scores = scores + _additive(key_padding_mask[:, None, None], scores)
        weights = self.drop(scores.softmax(-1))
        output = self.out_proj((weights @ v).transpose(1, 2).flatten(2))
        seen: Tensor | None = None
        if need_weights:
            seen = weights.mean(1) if average_attn_weights else weights
        if not batched:
            output, seen = output.squeeze(0), None if seen is None else seen.squeeze(0)
        elif not self.batch_first:
            output = output.transpose(0, 1)
        return output, seen


def _additive(mask: Tensor, like: Tensor) -> Tensor:
    """What is added to scores: a mask of truths forbids where it is true."""
    return torch.zeros_like(mask, dtype=like.dtype).masked_fill(mask, -torch.inf) if mask.dtype == torch.bool else mask


def with_layers(network: nn.Module) -> nn.Module:
    """Puts an `Attention` in the place of every nn.MultiheadAttention but those that attend to numbers of their own."""
    places = [(n, m) for n, m in network.named_modules(remove_duplicate=False) if type(m) is nn.MultiheadAttention]
    made: dict[nn.Module, Attention] = {}
    for name, child in places:
        if name and child.bias_k is None and not child.add_zero_attn:
            parent, _, last = name.rpartition(".")
            setattr(network.get_submodule(parent), last, made.setdefault(child, Attention(child)))
    return network


def parted(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by their names, those of fused projections as the layers of `Attention` have them."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        before, last = name[: name.rfind(".") + 1], name.rpartition(".")[2]
        if last in ("in_proj_weight", "in_proj_bias"):
            what = last.removeprefix("in_proj_")
            found |= {f"{before}{p}.{what}": part for p, part in zip(_PROJECTIONS, tensor.chunk(3), strict=True)}
        elif last.removesuffix("_weight") in _PROJECTIONS:
            found[f"{before}{last.removesuffix('_weight')}.weight"] = tensor
        else:
            found[name] = tensor
    return found
