"""Small networks of what modern ones are made of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainables.compaction import compact
from trainables.groups import Graph, remove_groups


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


class RMSNorm(nn.Module):
    """As language models write it; in ``dtype`` whatever it is given."""

    def __init__(self, width: int, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(width) + 0.5)
        self.variance_epsilon, self.dtype = 1e-6, dtype

    def forward(self, x: Tensor) -> Tensor:
        y = x.to(self.dtype or x.dtype)
        y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
        return self.weight * y.to(x.dtype)


class ChannelsFirst(nn.LayerNorm):
    """A LayerNorm of images."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ResponseNorm(nn.Module):
    """GRN of ConvNeXt V2, channels last."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(1, 1, 1, width))
        self.bias = nn.Parameter(torch.randn(1, 1, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        size = torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True)
        return self.weight * (x * (size / (size.mean(-1, keepdim=True) + 1e-6))) + self.bias + x


class Transformer(nn.Module):
    """A class token, positions, a block of attention and feed-forward, normed before or after."""

    def __init__(self, norm: type[nn.Module] = nn.LayerNorm, before: bool = True) -> None:
        super().__init__()
        self.before = before
        self.patches, self.token = nn.Linear(6, 8), nn.Parameter(torch.randn(1, 1, 8))
        self.position = nn.Parameter(torch.randn(1, 5, 8))
        self.norm1, self.norm2, self.norm3 = norm(8), norm(8), norm(8)
        self.attention = Heads(8, 2)
        self.up, self.down = nn.Linear(8, 7), nn.Linear(7, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat((self.token.expand(len(x), -1, -1), self.patches(x)), 1) + self.position
        if self.before:
            x = x + self.attention(self.norm1(x))
            x = x + self.down(F.gelu(self.up(self.norm2(x))))
        else:
            x = self.norm1(x + self.attention(x))
            x = self.norm2(x + self.down(F.gelu(self.up(x))))
        return self.head(self.norm3(x)[:, 0])


class Heads(nn.Module):
    """Self-attention with biases."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.head_dim = width // heads
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens = x.shape[:2]
        shape = (batch, tokens, -1, self.head_dim)
        q, k, v = (layer(x).view(shape).transpose(1, 2) for layer in (self.q, self.k, self.v))
        return self.out((F.softmax(q @ k.mT / self.head_dim**0.5, -1) @ v).transpose(1, 2).flatten(2))


class Text(nn.Module):
    """Words and positions looked up, added and normed; a block of attention; for word numbers (N, 6)."""

    def __init__(self, norm: type[nn.Module] = nn.LayerNorm) -> None:
        super().__init__()
        self.words, self.positions = nn.Embedding(11, 8, padding_idx=0), nn.Embedding(6, 8)
        self.norm1, self.norm2 = norm(8), norm(8)
        self.attention = Heads(8, 2)
        self.hidden, self.head = nn.Linear(8, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(self.words(x) + self.positions(torch.arange(x.shape[1], device=x.device)))
        x = self.norm2(x + self.attention(x))
        return self.head(self.hidden(x.mean(1)).tanh())


class ConvNext(nn.Module):
    """Two blocks of a depthwise convolution, a norm, two linear layers with GRN between, a layer scale."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(2, 6, 2, 2), ChannelsFirst(6)
        self.each, self.inner = nn.Conv2d(6, 6, 3, padding=1, groups=6), nn.LayerNorm(6)
        self.up, self.response, self.down = nn.Linear(6, 9), ResponseNorm(9), nn.Linear(9, 6)
        self.scale = nn.Parameter(torch.rand(6))
        self.last = nn.GroupNorm(1, 6)
        self.mix, self.shrink = nn.Conv2d(6, 5, 1), nn.Conv2d(5, 6, 1)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.stem(x))
        y = self.inner(self.each(x).permute(0, 2, 3, 1))
        y = self.down(self.response(F.gelu(self.up(y))))
        x = x + (self.scale * y).permute(0, 3, 1, 2)
        x = x + self.shrink(self.mix(self.last(x)).relu())
        return self.head(x.mean((2, 3)))


class Shared(nn.Module):
    """Layers that are used more than once, ``how`` is said in `forward`."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.a, self.b = nn.Linear(5, 6), nn.Linear(5, 6)
        self.f, self.g, self.out = nn.Linear(6, 7), nn.Linear(7, 6), nn.Linear(6, 3)
        self.norm, self.batch = nn.LayerNorm(6), nn.BatchNorm1d(7)
        self.h = self.f if how == "two names" else nn.Linear(6, 7)
        if how == "one weight":
            self.h.weight = self.f.weight

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.a(x).relu(), self.b(x).tanh()
        if self.how == "on different inputs":
            a = self.f(a).relu() * self.f(b)
        elif self.how == "with different constants":
            a = self.f(a).sigmoid() + self.f(b).relu()
        elif self.how == "in two places":
            return self.out((self.g(self.f(a).sigmoid()) + self.g(self.f(b).relu())).relu())
        elif self.how == "with its norm":
            a = self.batch(self.f(a)).relu() + self.batch(self.f(b)).relu()
        elif self.how in ("two names", "one weight"):
            a = self.f(a) * self.h(b)
        elif self.how == "on itself":
            a = self.f(self.g(self.f(a).relu()).relu())
        else:  # blocks of a residual network that are the same
            for _ in range(2):
                a = a + self.g(self.f(self.norm(a)).relu())
            return self.out(self.norm(a))
        return self.out(self.g(a.relu()).relu())


@torch.no_grad()
def halved(module: nn.Module, graph: Graph) -> nn.Module:
    """The network without every second group of each kind, which are set to zero in ``module``."""
    params = {name: parameter.unsqueeze(0) for name, parameter in module.named_parameters()}
    for members in graph.ties:
        if members[0].hidden:
            remove_groups(params, members, torch.arange(members[0].count).unsqueeze(0) % 2 == 1)
    return compact.compact(module, graph).module
