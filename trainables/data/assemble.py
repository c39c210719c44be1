"""From what a reader found to a Dataset: hold out, limit, normalise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from trainables.data.checks import whole
from trainables.data.dataset import Dataset, Split
from trainables.data.holdout import choose, count_of, hold_out
from trainables.data.moments import moments
from trainables.data.parts import Array, Found, Part, Request
from trainables.errors import StudyError

if TYPE_CHECKING:
    import torch

Numbers = float | Sequence[float]


def assemble(
    found: Found,
    request: Request,
    *,
    test: float | None,
    limit: int | None,
    mean: Numbers | None,
    std: Numbers | None,
    augment: Literal["crop_flip"] | None,
    padding: int,
) -> Dataset:
    """The Dataset of what was found; arguments as in `load`."""
    parts = _held_out(found, request, test, limit)
    train = parts["train"]
    shape = train.x.shape[1:]
    for split, part in parts.items():
        if part.x.shape[1:] != shape:
            raise StudyError(f"examples of shape {shape} in the train split, {part.x.shape[1:]} in {split}")
    if augment is not None and (len(shape) != 3 or train.x.dtype != np.uint8):
        raise StudyError(f"augment: {augment} needs images of pixels, got examples of shape {shape}")
    automatic = moments(train) if found.normalise else (np.zeros(1), np.ones(1))
    targets = train.y if found.normalise and found.task == "regression" else None
    return Dataset(
        name=request.name,
        source=found.source,
        task=found.task,
        train=_split(train),
        validation=_split(parts["validation"]),
        test=_split(parts["test"]),
        classes=found.classes,
        mean=_channels("mean", mean, automatic[0], shape),
        std=_channels("std", std, automatic[1], shape),
        target_mean=0.0 if targets is None else float(targets.mean()),
        target_std=1.0 if targets is None else float(targets.std()) or 1.0,
        augment=augment,
        padding=padding,
        columns=found.columns,
        label=found.label,
        chosen=found.chosen,
    )


def _held_out(found: Found, request: Request, test: float | None, limit: int | None) -> dict[str, Part]:
    """All three splits; what the data set does not bring itself is a share of its "train"."""
    rng = np.random.default_rng(request.seed)
    stratify = found.task == "classification"
    parts = dict(found.parts)
    pool = len(parts["train"].x)
    if "test" in parts and test is not None:
        raise StudyError(f"test: {request.name} has a test set of its own, leave test: {test} out")
    if "test" not in parts:
        count = count_of(0.2 if test is None else test, pool, "test")
        parts["train"], parts["test"] = hold_out(parts["train"], count, stratify, rng)
    if "validation" not in parts:
        count = count_of(request.validation, pool, "validation")
        if count >= len(parts["train"].x):
            raise StudyError(f"validation: {request.validation} leaves nothing to train on beside the test set")
        parts["train"], parts["validation"] = hold_out(parts["train"], count, stratify, rng)
    if limit is not None:
        train = parts["train"]
        if whole("limit", limit, 1) > len(train.x):
            raise StudyError(f"limit: expected at most the {len(train.x)} training examples, got {limit}")
        parts["train"] = train.rows(choose(train.strata(stratify), limit, rng))
    return parts


def _split(part: Part) -> Split:
    import torch

    x = torch.from_numpy(part.x)
    return Split(x, x if part.y is None else torch.from_numpy(part.y))


def _channels(name: str, given: Numbers | None, automatic: Array, shape: tuple[int, ...]) -> torch.Tensor:
    """One number per channel, or one for all, shaped to broadcast against `shape`."""
    import torch

    try:
        values = torch.as_tensor(automatic if given is None else given, dtype=torch.float32).reshape(-1)
    except (TypeError, ValueError, RuntimeError):
        values = torch.empty(0)
    if len(values) not in (1, shape[0]):
        raise StudyError(f"{name}: expected one number or {shape[0]}, one per channel, got {given!r}")
    if name == "std" and not bool((values > 0).all()):
        raise StudyError(f"std: expected numbers above 0, got {given!r}")
    return values.reshape(-1, *[1] * (len(shape) - 1))
