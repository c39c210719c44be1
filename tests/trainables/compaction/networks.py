"""Small networks of what modern ones are made of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Two blocks of attention and feed-forward on (tokens, 8); ``how`` q, k and v are computed."""

    def __init__(self, how: str = "separate", heads: int = 4, width: int = 3) -> None:
        super().__init__()
        self.how, self.num_heads, self.head_dim = how, heads, width
        inner = heads * width
        if how == "separate":
            self.q, self.k, self.v = nn.Linear(8, inner), nn.Linear(8, inner, bias=False), nn.Linear(8, inner)
        else:
            self.qkv = nn.Linear(8, 3 * inner)
        self.out = nn.Linear(inner, 8)
        self.table = nn.Parameter(torch.randn(5, 5, heads))
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.gate, self.up, self.down = nn.Linear(8, 6), nn.Linear(8, 6), nn.Linear(6, 8, bias=False)
        self.scale = nn.Parameter(torch.full((8,), 1e-3))
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        batch, tokens = y.shape[:2]
        shape = (batch, tokens, -1, self.head_dim)
        if self.how == "separate":
            q, k, v = (layer(y).view(shape).transpose(1, 2) for layer in (self.q, self.k, self.v))
        elif self.how == "fused":
            q, k, v = self.qkv(y).view(batch, tokens, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        else:  # one after another for each head
            q, k, v = self.qkv(y).view(batch, tokens, self.num_heads, -1).transpose(1, 2).chunk(3, -1)
        y = F.scaled_dot_product_attention(q, k, v, self.table.permute(2, 0, 1).unsqueeze(0))
        x = x + self.scale * self.out(y.transpose(1, 2).flatten(2))
        y = self.norm2(x)
        x = x + self.down(F.silu(self.gate(y)) * self.up(y))
        return self.head(x.mean(1))


class Standardised(nn.Conv2d):
    """Its weights are computed in forward: what a unit computes depends on all of its columns."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(x, weight / (weight.std((1, 2, 3), keepdim=True) + 1e-3), self.bias)


class Inverted(nn.Module):
    """An inverted residual block: expanded, depthwise, squeezed and excited, projected, added."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.expand, self.norm1 = nn.Conv2d(4, 7, 1, bias=False), nn.BatchNorm2d(7)
        self.depthwise, self.norm2 = nn.Conv2d(7, 7, 3, padding=1, groups=7, bias=False), nn.BatchNorm2d(7)
        self.squeeze, self.excite = nn.Conv2d(7, 3, 1), nn.Conv2d(3, 7, 1)
        self.project, self.norm3 = nn.Conv2d(7, 4, 1, bias=False), nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = F.hardswish(self.norm(self.stem(x)))
        y = F.relu6(self.norm1(self.expand(x)))
        y = F.hardswish(self.norm2(self.depthwise(y)))
        y = y * F.hardsigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(y, 1)))))
        return self.head((x + self.norm3(self.project(y))).mean((2, 3)))
