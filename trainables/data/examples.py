"""Examples without labels, for a network that is there: rows of a table, images of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trainables.data.image_files import SUFFIXES
from trainables.data.images import Geometry, read_image
from trainables.data.sequences import is_sequence, spread
from trainables.data.tables import features_of, read_file, usual_label
from trainables.errors import StudyError

if TYPE_CHECKING:
    from torch import Tensor


def rows_of(path: Path, columns: Sequence[str], features: int) -> Tensor:
    """(N, features) float32 from a CSV or Parquet file.

    Args:
        columns: names of the features in the network's order; where there are none, all columns of the file but those
            that are called as labels are.

    Raises:
        StudyError: no such file, columns that are missing, are no numbers or have gaps.
    """
    import torch

    table = read_file(path)
    first = columns[0].removesuffix("_0") if columns else ""
    if first in table.column_names and is_sequence(table.schema.field(first).type):
        table = spread(table, first, len(columns))
    names = list(columns) or [name for name in table.column_names if not usual_label(name)]
    if missing := [name for name in names if name not in table.column_names]:
        raise StudyError(f"{path}: expected the columns {', '.join(names)}, but there is no {', '.join(missing)}")
    if len(names) != features:
        raise StudyError(f"{path}: expected {features} columns, as many as the network reads, but got {len(names)}")
    return torch.from_numpy(features_of(table, names, str(path)))


def images_of(
    path: Path, shape: tuple[int, int, int], size: int | None = None, resize: int | None = None
) -> tuple[list[str], Tensor]:
    """Names and pixels (N, channels, height, width), uint8, of the image files in a folder and below, or of one file.

    Args:
        shape: of the network's input; size, resize: as the network's data set had them.

    Raises:
        StudyError: no image files, one that cannot be decoded or has another size.
    """
    import torch

    folder = path if path.is_dir() else path.parent
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
    if not files:
        raise StudyError(f"{path}: expected image files ({', '.join(sorted(SUFFIXES))}), but there are none")
    pixels = np.stack([_image(file, shape, Geometry(shape[0], size, resize)) for file in files])
    return [str(file.relative_to(folder)) for file in files], torch.from_numpy(pixels)


def _image(
    file: Path, shape: tuple[int, int, int], geometry: Geometry
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    pixels = read_image(file, geometry)
    if pixels.shape != shape:
        wanted, got = ("x".join(map(str, sides)) for sides in (shape[1:], pixels.shape[1:]))
        raise StudyError(f"{file}: expected an image of {wanted} pixels, as the network reads, but got {got}")
    return np.ascontiguousarray(pixels)
