"""Images with labels: Parquet in the Hugging Face layout, and folders with one folder per class."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from trainables.data.dataset import Task
from trainables.data.images import Encoded, Geometry, Images, decoded
from trainables.data.labels import class_names, column_of, encode, why_label, why_task
from trainables.data.parts import Found, Part, Request
from trainables.data.splits import by_split, folders_by_split
from trainables.errors import StudyError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
_BATCH = 64  # images read at a time: large ones have to fit into memory


def is_image(field: pa.Field) -> bool:
    """Whether a column holds encoded images: struct<bytes, path>, or plain binary."""
    if pa.types.is_struct(field.type):
        return bool(field.type.get_field_index("bytes") >= 0)
    return bool(pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type))


def read_parquet(
    request: Request,
    *,
    image: str | None = None,
    label: str | None = None,
    task: Task | None = None,
    channels: int | None = None,
    size: int | None = None,
    resize: int | None = None,
) -> Found:
    """Parquet with a column of encoded images and one of labels: a file, or a folder with files by split.

    image, label: the columns; by default the first image column, and label, labels, fine_label or the only
    ClassLabel.
    """
    splits = by_split(request.path, ".parquet")
    schema = pq.read_schema(splits["train"][0])
    named = class_names(schema)
    candidates = [field.name for field in schema if is_image(field)]
    image = column_of(candidates, image, tuple(candidates), "image")
    labels: dict[str, pa.ChunkedArray] = {}
    why = ""
    if task != "reconstruction":
        given = label
        others = [name for name in schema.names if name not in candidates]
        only = tuple(named) if len(named) == 1 else ()
        usual = ("label", "labels", "fine_label", *only)
        label = column_of(others, label, usual, "label")
        why = why_label(label, given, usual)
        labels = {split: pq.read_table(files, columns=[label])[label] for split, files in splits.items()}
    geometry = Geometry(channels, size, resize)
    images = {}
    for split, files in splits.items():
        count = sum(pq.read_metadata(file).num_rows for file in files)
        images[split] = decoded((*files, image), count, partial(_from_parquet, files, image), geometry)
    return _found("Parquet", images, labels, task, named.get(label or ""), label, why)


def read_folder(
    request: Request,
    *,
    task: Task | None = None,
    channels: int | None = None,
    size: int | None = None,
    resize: int | None = None,
) -> Found:
    """Image files in one folder per class, with or without train, validation and test folders above.

    Files of other kinds are ignored.
    """
    splits = folders_by_split(request.path)
    names = tuple(sorted({f.name for folders in splits.values() for folder in folders for f in _classes(folder)}))
    if not names:
        raise StudyError(f"{request.path}: expected Parquet or CSV files, or folders of images by class; found neither")
    geometry = Geometry(channels, size, resize)
    images, labels = {}, {}
    for split, folders in splits.items():
        files, numbers = [], []
        for folder in (f for parent in folders for f in _classes(parent)):
            inside = sorted(f for f in folder.rglob("*") if f.suffix.lower() in SUFFIXES)
            files += inside
            numbers += [names.index(folder.name)] * len(inside)
        if not files:
            raise StudyError(f"{request.path}: no image files ({', '.join(sorted(SUFFIXES))}) for the {split} split")
        images[split] = decoded(tuple(files), len(files), partial(_from_files, files), geometry)
        labels[split] = pa.chunked_array([pa.array(numbers, pa.int64())])
    return _found("folder", images, labels, task, names, None, "the labels are the names of the folders")


def _found(
    container: str,
    images: dict[str, Images],
    labels: dict[str, pa.ChunkedArray],
    task: Task | None,
    names: tuple[str, ...] | None,
    label: str | None,
    why: str,
) -> Found:
    source = f"{container}, {images['train'].encoding} images"
    if task == "reconstruction":
        parts = {split: Part(x.pixels, key=x.key) for split, x in images.items()}
        return Found(source, task, parts, normalise=False)
    chosen = (why, why_task(labels["train"].type, task))
    task, values, classes = encode(labels, task, names)
    parts = {split: Part(x.pixels, values[split], x.key) for split, x in images.items()}
    return Found(source, task, parts, classes, label=label, chosen=chosen)


def _from_parquet(files: list[Path], column: str) -> Iterator[list[Encoded]]:
    for file in files:
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(batch_size=_BATCH, columns=[column]):
                images = batch.column(0)
                yield (images.field("bytes") if pa.types.is_struct(images.type) else images).to_pylist()


def _from_files(files: list[Path]) -> Iterator[list[Encoded]]:
    for start in range(0, len(files), _BATCH):
        yield list(files[start : start + _BATCH])


def _classes(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))
