"""What an exported network expects of its input, with an example to check it by: shape, type, range, columns, scale.

A network that was trained on pixels from 0 to 1 answers to pixels from 0 to 16 all the same, and wrongly.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from trainables.data import Dataset
from trainables.deploy.export import Deployed, Export
from trainables.deploy.saved import Card
from trainables.errors import StudyError

Contract = dict[str, Any]
"""JSON, in a card under ``contract``."""

_SEEN = 10_000
"""Training examples that ranges are read from."""

_LARGEST = 4096
"""Numbers of an example up to which the card holds one."""

_AGREES = 1e-3
"""Largest difference from the stored output, as a share of the largest output or of 1 if that is more."""


@torch.no_grad()
def contract(module: nn.Module, card: Card, dataset: Dataset) -> Contract:
    """What ``module``, the compact network of ``card``, expects; ``dataset`` is what it was trained on.

    ``low`` and ``high`` are the range of the raw training examples: a number per feature, or one for images.
    """
    seen = dataset.train.x[:_SEEN]
    flat = seen.dim() == 2 and seen.shape[1] <= _LARGEST
    low, high = (seen.amin(0).tolist(), seen.amax(0).tolist()) if flat else (seen.min().item(), seen.max().item())
    found: Contract = {"columns": list(dataset.columns), "label": dataset.label, "low": low, "high": high}
    if math.prod(dataset.input_shape) <= _LARGEST:
        device = next(module.parameters()).device
        raw = dataset.validation.x[:1]
        output = Deployed(module, card).to(device).eval()(raw.to(device))
        if bool(output.isfinite().all()):
            found["example"] = {"input": raw[0].tolist(), "output": output[0].flatten().tolist()}
    return found


def example(card: Card) -> tuple[Tensor, Tensor] | None:
    """The stored example: raw input (1, *input_shape) and output (outputs,); None where the card has none."""
    stored = card.get("contract", {}).get("example")
    if stored is None:
        return None
    kind = getattr(torch, card["preprocessing"]["raw"])
    return torch.tensor([stored["input"]], dtype=kind), torch.tensor(stored["output"])


@torch.no_grad()
def check_example(network: Export, name: str) -> None:
    """
    Raises:
        StudyError: the network, called ``name``, does not answer the stored example as it did when it was trained.
    """
    stored = example(network.card)
    if stored is None:
        return
    raw, expected = stored
    difference = float((network.predict(raw).flatten() - expected).abs().max())
    if not difference <= _AGREES * max(1.0, float(expected.abs().max())):
        raise StudyError(
            f"{name}: expected the stored output for the stored example, but it differs by {difference:.3g}"
        )


def strangers(card: Card, raw: Tensor) -> list[str]:
    """What in raw examples (N, *input_shape) lies far outside of what the network was trained on, a sentence each.

    Far is farther than the whole range of the feature, or of all features where it has been constant.
    """
    known = card.get("contract")
    if known is None or not len(raw):
        return []
    low, high = (torch.tensor(known[name], dtype=torch.float64) for name in ("low", "high"))
    axes = 0 if low.dim() else tuple(range(raw.dim()))
    least, most = raw.double().amin(axes), raw.double().amax(axes)
    span = torch.where(high > low, high - low, (high - low).max())
    far = ((least < low - span) | (most > high + span)).reshape(-1)
    if not bool(far.any()):
        return []
    names = known["columns"] or [f"feature {i}" for i in range(len(far))]
    first = int(far.nonzero()[0])
    numbers = [float(value.reshape(-1)[first]) for value in (least, most, low, high)]
    what = names[first] if low.dim() else "pixels"
    others = int(far.sum()) - 1
    more = f", and {others} more" if others else ""
    a, b, c, d = (f"{number:g}" for number in numbers)
    return [f"{what}: {a} to {b}, but the network was trained on {c} to {d}: another scale?{more}"]
