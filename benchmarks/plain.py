"""The same trial as a user would write it by hand: a plain torch loop, no packs, nothing of ours.

digits, mlp 64-128-64-10, group lasso after every minibatch, Adam as torch makes it unless told otherwise, 60 epochs of
batch 32, validation after every epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F

EPOCHS, POLISH, BATCH = 60, 15, 32
LAMBDA, LR = (1e-3, 1e-1), (1e-3, 1e-2)


@lru_cache
def digits() -> tuple[torch.Tensor, ...]:
    x, y = load_digits(return_X_y=True)
    x = x / 16
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.25, stratify=y, random_state=0)
    parts = [torch.tensor(a, dtype=torch.float32) for a in (x, x_val, x_test)]
    return (*parts, *(torch.tensor(a) for a in (y, y_val, y_test)))


def train(strength: float, lr: float, seed: int, data: Sequence[torch.Tensor] = ()) -> tuple[float, int]:
    """Validation accuracy and live hidden units of one trial."""
    return list(epochs(strength, lr, seed, data=data))[-1]


def epochs(
    strength: float, lr: float, seed: int, fused: bool | None = None, data: Sequence[torch.Tensor] = ()
) -> Iterator[tuple[float, int]]:
    """The same after every epoch, as it is trained.

    Args:
        fused: Adam's setting; True is faster than what torch does by itself.
        data: features, then labels, of training, validation and test; `digits()` if empty.
    """
    torch.manual_seed(seed)
    x, x_val, x_test, y, y_val, y_test = data or digits()
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    layers = [m for m in model if isinstance(m, nn.Linear)]
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=fused)
    masks: list[torch.Tensor] = []
    for epoch in range(EPOCHS):
        model.train()
        for index in torch.randperm(len(x)).split(BATCH):
            loss = F.cross_entropy(model(x[index]), y[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                if epoch < EPOCHS - POLISH:
                    for layer in layers:
                        proximal_step(layer, lr * strength)
                else:
                    for layer, mask in zip(layers, masks, strict=True):
                        layer.weight.mul_(mask.unsqueeze(1))
                        layer.bias.mul_(mask)
        model.eval()
        with torch.no_grad():
            accuracy = float((model(x_val).argmax(1) == y_val).float().mean())
            alive = [(layer.weight != 0).any(1) for layer in layers]
            neurons = sum(int(a.sum()) for a in alive[:-1])
        if epoch == EPOCHS - POLISH - 1:
            masks = [a.float() for a in alive]
        if epoch == EPOCHS - 1:
            with torch.no_grad():
                float((model(x_test).argmax(1) == y_test).float().mean())
        yield accuracy, neurons


def proximal_step(layer: nn.Linear, strength: float) -> None:
    size = layer.weight.shape[1] + 1
    norm = (layer.weight.square().sum(1) + layer.bias.square()).sqrt().clamp_min(1e-12)
    scale = (1 - strength * size**0.5 / norm).clamp_min(0)
    layer.weight.mul_(scale.unsqueeze(1))
    layer.bias.mul_(scale)
