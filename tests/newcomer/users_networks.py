"""Networks as users write them; studies in these tests name them "users_networks:Class"."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Recurrent(nn.Module):
    """The rows of an 8x8 digit, one after the other, through an LSTM."""

    def __init__(self, layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(8, 16, num_layers=layers, batch_first=True, dropout=dropout)
        self.hidden = nn.Linear(16, 24)
        self.out = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.recurrent(x.view(-1, 8, 8))
        return self.out(F.relu(self.hidden(states[:, -1])))


class Branching(nn.Module):
    """What it computes depends on the values that it meets."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(64, 24)
        self.out = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.hidden(x))
        if h.mean() > 0.2:
            h = torch.tanh(h)
        return self.out(h)


class Attention(nn.Module):
    """The rows of an 8x8 digit through an encoder layer, averaged."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 16)
        self.encoder = nn.TransformerEncoderLayer(16, 2, 32, dropout=dropout, batch_first=True)
        self.out = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.encoder(self.embed(x.view(-1, 8, 8))).mean(1))


class Mixed(nn.Module):
    """A depthwise convolution, a group norm, a layer that is used twice and a skip connection."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.norm = nn.GroupNorm(4, 8)
        self.pointwise = nn.Conv2d(8, 16, 1)
        self.shared = nn.Linear(16, 16)
        self.skipped = nn.Linear(16, 16)
        self.out = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.norm(self.depthwise(F.relu(self.first(x.view(-1, 1, 8, 8))))))
        h = F.relu(self.pointwise(h)).mean((2, 3))
        h = F.relu(self.shared(F.relu(self.shared(h))))
        return self.out(h + F.relu(self.skipped(h)))


class Several(nn.Module):
    """What it gives is a mapping, as other libraries' networks do."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(64, 24), nn.Linear(24, 10)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        h = F.relu(self.hidden(x))
        return {"hidden": h, "logits": self.out(h)}


class Seven(nn.Module):
    """Seven outputs, whatever there is to tell apart."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(64, 16)
        self.out = nn.Linear(16, 7)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.relu(self.hidden(x)))
