"""What a study trains on: three splits and how raw examples become network inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Task = Literal["classification", "regression", "reconstruction"]


@dataclass(frozen=True, eq=False)
class Split:
    """Examples: `x` (N, *shape), uint8 pixels or float32.

    `y`: int64 labels (N,); float32 targets (N, outputs) for regression; `x` itself for reconstruction.
    """

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def to(self, device: torch.device | str) -> Split:
        x = self.x.to(device)
        return Split(x, x if self.y is self.x else self.y.to(device))


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set, split; selection is on `validation`, `test` is for the final score only.

    `mean` and `std` broadcast against `input_shape`; pixels are measured as x/255. `source` says where the
    examples came from and how they were encoded.
    """

    name: str
    source: str
    task: Task
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...]
    mean: Tensor
    std: Tensor
    target_mean: float = 0.0
    target_std: float = 1.0
    augment: Literal["crop_flip"] | None = None
    padding: int = 4
    columns: tuple[str, ...] = ()
    """Names of the features, where they have any."""
    label: str | None = None
    """The column that is learned, where there is one."""
    chosen: tuple[str, ...] = ()
    """Why this label and this task, in words."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example, (features,) or (channels, height, width)."""
        return tuple(self.train.x.shape[1:])

    @property
    def outputs(self) -> int:
        """Numbers a network has to emit per example: classes, targets, or values to reconstruct."""
        if self.task == "classification":
            return len(self.classes)
        if self.task == "regression":
            return int(self.train.y.shape[1])
        return prod(self.input_shape)

    def inputs(self, raw: Tensor) -> Tensor:
        """(raw/255 - mean)/std for uint8 pixels, (raw - mean)/std for floats.

        raw: (..., *input_shape). Returns float32 of the same shape.
        """
        scale = 1.0 if raw.is_floating_point() else 255.0
        return (raw - scale * self.mean) / (scale * self.std)

    def targets(self, raw: Tensor) -> Tensor:
        """What the loss compares a batch's outputs with, from the batch's `y`.

        Labels (..., B) as they are; for regression (y - target_mean)/target_std, (..., B, outputs); for
        reconstruction the inputs, flattened to (..., B, outputs).
        """
        if self.task == "classification":
            return raw
        if self.task == "regression":
            return (raw - self.target_mean) / self.target_std
        return self.inputs(raw).flatten(-len(self.input_shape))

    def augmented(self, raw: Tensor, seeds: Tensor, *counters: int) -> Tensor:
        """Raw images as each lane sees them: (B, C, H, W) shared, or (P, B, C, H, W) -> (P, B, C, H, W), raw.

        A pure function of `seeds` (int64, (P,)) and `counters` (epoch, step). Without augmentation a view.
        """
        if self.augment is None:
            shared = raw.dim() == 1 + len(self.input_shape)
            return raw.expand(len(seeds), *raw.shape) if shared else raw
        from trainables.data.augment import crop_flip

        return crop_flip(raw, seeds, *counters, padding=self.padding)

    def to(self, device: torch.device | str) -> Dataset:
        """The same data resident on `device`."""
        return replace(
            self,
            train=self.train.to(device),
            validation=self.validation.to(device),
            test=self.test.to(device),
            mean=self.mean.to(device),
            std=self.std.to(device),
        )
