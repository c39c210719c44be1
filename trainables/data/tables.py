"""Tabular data: Parquet or CSV with a label column, and npz archives of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from trainables.data.dataset import Task
from trainables.data.labels import column_of, encode, why_label, why_task
from trainables.data.parts import Found, Part, Request
from trainables.data.sequences import sequences, spread
from trainables.data.splits import by_split
from trainables.errors import StudyError

_LABELS = ("label", "target", "class", "y")


def read_table(
    request: Request,
    *,
    label: str | None = None,
    drop: str | Sequence[str] = (),
    task: Task | None = None,
    tokens: str | None = None,
    length: int | None = None,
) -> Found:
    """Parquet or CSV, a file or a folder with files by split.

    Features are all columns but `label` and `drop`, as float32 (N, features). ValueError, by name, for those
    that are no numbers or have gaps. With `tokens`, a column of lists of whole numbers, they are its sequences
    (`trainables.data.sequences`), all of one `length`, and are used as they are.
    """
    path = request.path
    suffix = path.suffix or (".parquet" if any(path.rglob("*.parquet")) else ".csv")
    tables = {split: _read(files, suffix) for split, files in by_split(path, suffix).items()}
    if tokens is not None:
        size = sequences(tables, tokens, length)
        tables = {split: spread(table, tokens, size) for split, table in tables.items()}
    columns = tables["train"].column_names
    dropped = [column_of(columns, name, (), "drop") for name in ([drop] if isinstance(drop, str) else drop)]
    given = label
    if task != "reconstruction" or label is not None:
        label = column_of(columns, label, _LABELS, "label")
    features = [name for name in columns if name not in (*dropped, label)]
    if tokens is not None:
        features = [name for name in features if name.rpartition("_")[0] == tokens]
    if not features:
        raise StudyError(f"{path}: no column is left as a feature")
    values = {split: features_of(table, features, f"the {split} split") for split, table in tables.items()}
    source = "CSV table" if suffix == ".csv" else "Parquet table"
    if task == "reconstruction" or label is None:
        return Found(source, "reconstruction", {s: Part(x) for s, x in values.items()}, columns=tuple(features))
    chosen = (why_label(label, given, _LABELS), why_task(tables["train"][label].type, task))
    task, labels, classes = encode({split: table[label] for split, table in tables.items()}, task, None)
    parts = {split: Part(x, labels[split]) for split, x in values.items()}
    plain = tokens is None
    return Found(source, task, parts, classes, plain, columns=tuple(features), label=label, chosen=chosen)


def read_npz(request: Request, *, task: Task | None = None) -> Found:
    """Arrays x and y, or x_train, y_train, x_test and y_test.

    x: uint8 images (N, height, width), (N, channels, height, width) or with the 1 or 3 channels last, or
    other numbers (N, ...). y is not needed for task: reconstruction.
    """
    path = request.path
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    tags = {"train": "_train", "test": "_test"} if "x_train" in arrays else {"train": ""}
    letters = "x" if task == "reconstruction" else "xy"
    needed = [letter + tag for tag in tags.values() for letter in letters]
    if not set(needed) <= set(arrays):
        raise StudyError(f"{path}: expected the arrays {', '.join(needed)}, got {', '.join(arrays)}")
    values = {split: _examples(arrays[f"x{tag}"], path) for split, tag in tags.items()}
    if task == "reconstruction":
        plain = values["train"].dtype == np.uint8
        return Found("npz", task, {split: Part(x) for split, x in values.items()}, normalise=not plain)
    columns = {split: pa.chunked_array([arrays[f"y{tag}"].squeeze()]) for split, tag in tags.items()}
    for split, column in columns.items():
        if len(column) != len(values[split]):
            raise StudyError(f"{path}: {len(values[split])} examples x, but {len(column)} labels y ({split})")
    chosen = ("the label is the array y", why_task(columns["train"].type, task))
    task, labels, classes = encode(columns, task, None)
    return Found("npz", task, {s: Part(x, labels[s]) for s, x in values.items()}, classes, label="y", chosen=chosen)


def usual_label(name: str) -> bool:
    """Whether a column of this name is taken for the label."""
    return name in _LABELS


def read_file(path: Path) -> pa.Table:
    """A CSV or Parquet file; StudyError where it is none."""
    if path.suffix not in (".csv", ".parquet"):
        raise StudyError(f"{path}: expected a file that ends in .csv or .parquet")
    return _read([path], path.suffix)


def _read(files: list[Path], suffix: str) -> pa.Table:
    if suffix == ".parquet":
        return pq.read_table(files)
    try:
        return pa.concat_tables([pyarrow.csv.read_csv(file) for file in files])
    except pa.ArrowInvalid as error:
        raise StudyError(f"{files[0]} is no readable CSV: {error}") from error


def features_of(table: pa.Table, features: list[str], where: str) -> NDArray[np.float32]:
    """(N, features) float32; StudyError, by name, for columns that are missing, are no numbers or have gaps."""
    if missing := [name for name in features if name not in table.column_names]:
        raise StudyError(f"{where} lacks the columns {', '.join(missing)} of the train split")
    kinds = {name: table.schema.field(name).type for name in features}
    if words := [f"{name} ({kind})" for name, kind in kinds.items() if not _is_number(kind)]:
        raise StudyError(f"features must be numbers, got {', '.join(words)}: encode them, or list them under drop:")
    x = np.column_stack([table[name].cast(pa.float32(), safe=False).to_numpy() for name in features])
    if gaps := [name for name, column in zip(features, x.T, strict=True) if not np.isfinite(column).all()]:
        raise StudyError(f"missing or infinite values in {where}: {', '.join(gaps)}")
    return np.ascontiguousarray(x)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _examples(x: NDArray[Any], path: Path) -> NDArray[Any]:
    if x.dtype == np.uint8 and x.ndim in (3, 4):
        if x.ndim == 3:
            return x[:, None]
        turned = x.transpose(0, 3, 1, 2) if x.shape[3] in (1, 3) and x.shape[1] not in (1, 3) else x
        return np.ascontiguousarray(turned)
    if x.dtype.kind not in "fiu" or x.ndim < 2:
        raise StudyError(f"{path}: expected x as numbers of shape (N, ...), got {x.dtype} of shape {x.shape}")
    if not np.isfinite(x).all():
        raise StudyError(f"{path}: x has missing or infinite values")
    return x.astype(np.float32)
