"""Encoded images (PNG, JPEG, ...) to one memory-mapped uint8 array per split."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainables.data import cache
from trainables.data.checks import whole
from trainables.errors import StudyError

if TYPE_CHECKING:
    from PIL import Image

Encoded = bytes | Path
_GREY = {"1", "L", "LA"}


@dataclass(frozen=True)
class Geometry:
    """How every image becomes (channels, height, width).

    channels: 1 (grey) or 3 (RGB), None for those of the first image.
    size: the shorter side is resized (bilinear) to `resize`, by default to `size`, and the centre size x size
    is kept; None: as stored, all alike.
    """

    channels: int | None = None
    size: int | None = None
    resize: int | None = None

    def __post_init__(self) -> None:
        if self.channels not in (None, 1, 3):
            raise StudyError(f"channels: expected 1 (grey) or 3 (RGB), got {self.channels!r}")
        if self.size is not None:
            whole("size", self.size, 1)
        if self.resize is not None:
            if self.size is None:
                raise StudyError(f"resize: {self.resize} needs a size: to crop to")
            whole("resize", self.resize, self.size)


@dataclass(frozen=True, eq=False)
class Images:
    """Decoded `pixels` (N, channels, height, width), their cache key, the encoding they came in ("PNG")."""

    pixels: NDArray[Any]
    key: str
    encoding: str


def decoded(
    origin: tuple[object, ...], count: int, batches: Callable[[], Iterator[list[Encoded]]], geometry: Geometry
) -> Images:
    """The `count` images that `batches()` yields, decoded now or earlier.

    `origin` names them: the files they lie in (Path) and whatever else tells them from others. ValueError for
    no images, and for one that cannot be decoded or has another shape than the first.
    """
    first = next((image for batch in batches() for image in batch), None)
    if first is None:
        raise StudyError(f"no images in {origin[0]}")
    pixels, _, encoding = _read(first, f"the first image in {origin[0]}", geometry, geometry.channels)
    shape = pixels.shape
    key = cache.fingerprint(*origin, geometry)
    array = cache.array(key, (count, *shape), np.uint8, lambda: _decode(batches(), shape, geometry))
    return Images(array, key, encoding)


def read_image(file: Path, geometry: Geometry) -> NDArray[np.uint8]:
    """(channels, height, width) of one image file."""
    return _read(file, str(file), geometry, geometry.channels)[0]


def _decode(batches: Iterator[list[Encoded]], shape: tuple[int, ...], geometry: Geometry) -> Iterator[NDArray[Any]]:
    """Blocks of decoded images in order. Threads gain nothing on images that decode in microseconds."""
    threads = 1 if shape[1] * shape[2] < 64 * 64 else min(16, os.cpu_count() or 1)
    pending: deque[Future[NDArray[Any]]] = deque()
    position = 0
    with ThreadPoolExecutor(threads) as pool:
        for batch in batches:
            pending.append(pool.submit(_block, batch, position, shape, geometry))
            position += len(batch)
            if len(pending) > 2 * threads:  # bounded: what is decoded ahead has to fit into memory
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _block(batch: list[Encoded], position: int, shape: tuple[int, ...], geometry: Geometry) -> NDArray[Any]:
    block = np.empty((len(batch), *shape), np.uint8)
    for row, encoded in enumerate(batch):
        where = str(encoded) if isinstance(encoded, Path) else f"image {position + row}"
        pixels, grey, _ = _read(encoded, where, geometry, shape[0])
        if geometry.channels is None and shape[0] == 1 and not grey:
            raise StudyError(f"{where} is in colour, the first image is grey: say channels: 1 or channels: 3")
        if pixels.shape != shape:
            raise StudyError(
                f"{where} has height and width {pixels.shape[1:]}, the first image {shape[1:]}:"
                " say size: N to resize the shorter side and crop the centre"
            )
        block[row] = pixels
    return block


def _read(
    encoded: Encoded, where: str, geometry: Geometry, channels: int | None
) -> tuple[NDArray[np.uint8], bool, str]:
    """(pixels (channels, height, width), whether the image is grey, its encoding)."""
    from PIL import Image

    try:
        with Image.open(encoded if isinstance(encoded, Path) else BytesIO(encoded)) as image:
            grey, encoding = image.mode in _GREY, str(image.format)
            if image.mode.startswith(("I", "F")):
                raise StudyError(f"expected 8 bits a channel, got mode {image.mode}")
            mode = "L" if channels == 1 or (channels is None and grey) else "RGB"
            plain = image if image.mode == mode else image.convert(mode)
            if geometry.size is not None:
                plain = _cropped(plain, geometry.size, geometry.resize or geometry.size)
            pixels = np.asarray(plain)
    except (OSError, SyntaxError, TypeError, ValueError) as error:  # PIL's ways to say that this is no image
        raise StudyError(f"{where} cannot be decoded: {error}") from error
    return (pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)), grey, encoding


def _cropped(image: Image.Image, size: int, resize: int) -> Image.Image:
    from PIL import Image

    ratio = resize / min(image.size)
    width, height = (max(size, round(side * ratio)) for side in image.size)
    if (width, height) != image.size:
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - size) // 2, (height - size) // 2
    return image.crop((left, top, left + size, top + size))
