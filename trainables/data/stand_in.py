"""Small generated image files, where a real data set is not at hand: they show that an experiment runs, and no more."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_EXAMPLES = {"train": 96, "test": 32}
_CLASSES = 4


def write_stand_in(folder: Path, channels: int, size: int) -> None:
    """Writes train and test Parquet files in the layout of the Hugging Face hub, with JPEG images of noise.

    Their sides vary from ``size`` to twice that, as photographs' do.

    Args:
        folder: made if it is not there.
        channels: 1 (grey) or 3 (RGB).
        size: pixels of the shorter side, at least.
    """
    from PIL import Image

    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for split, examples in _EXAMPLES.items():
        images = []
        for row in range(examples):
            height, width = rng.integers(size, 2 * size + 1, 2)
            level = 255 * (row % _CLASSES) / _CLASSES
            pixels = np.clip(level + rng.normal(0, 32, (height, width, channels)), 0, 255).astype(np.uint8)
            encoded = BytesIO()
            Image.fromarray(pixels.squeeze(2) if channels == 1 else pixels).save(encoded, "JPEG")
            images.append({"bytes": encoded.getvalue(), "path": f"{row}.jpg"})
        labels = pa.array([row % _CLASSES for row in range(examples)], pa.int64())
        table = pa.table({"image": pa.array(images), "label": labels})
        pq.write_table(table, folder / f"{split}-00000-of-00001.parquet")
