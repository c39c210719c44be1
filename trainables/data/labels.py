"""Label columns to arrays: which task they mean, which classes there are."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainables.data.checks import one_of
from trainables.data.dataset import Task
from trainables.errors import StudyError

Array = NDArray[Any]


def encode(
    columns: dict[str, pa.ChunkedArray], task: Task | None, names: tuple[str, ...] | None
) -> tuple[Task, dict[str, Array], tuple[str, ...]]:
    """(task, labels by split, classes) of one label column per split.

    Text, truth values and whole numbers are classes, other numbers are targets; `task` overrides. `names` are
    the classes where the file tells them, and then the labels count through them. Labels are (N,) int64,
    targets (N, 1) float32. ValueError for missing labels, labels outside `names`, and whole numbers that
    hardly repeat.
    """
    for split, column in columns.items():
        if column.null_count:
            raise StudyError(f"{column.null_count} of {len(column)} labels of the {split} split are missing")
    kinds = {split: column.type for split, column in columns.items()}
    numeric = all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds.values())
    whole = all(pa.types.is_integer(kind) for kind in kinds.values())
    values = {split: np.asarray(column.to_pylist()) for split, column in columns.items()}
    distinct = np.unique(np.concatenate(list(values.values())))
    if task is None and whole and names is None and len(distinct) > max(20, sum(map(len, values.values())) / 20):
        raise StudyError(
            f"labels of {len(distinct)} distinct whole numbers: say task: classification or task: regression"
        )
    if task is None and numeric and not whole and _like_classes(distinct, sum(map(len, values.values()))):
        raise StudyError(
            f"labels of {len(distinct)} distinct whole numbers written with a decimal point ({distinct[0]} to "
            f"{distinct[-1]}): say task: classification or task: regression"
        )
    if task == "regression" or (task is None and numeric and not whole):
        if not numeric:
            raise StudyError(f"task: regression needs numbers as labels, got {distinct[0]!r}")
        if not np.isfinite(distinct).all():
            raise StudyError("missing or infinite targets in the label column")
        return "regression", {s: v.astype(np.float32)[:, None] for s, v in values.items()}, ()
    if names is None:
        classes = tuple(str(value) for value in distinct)
        return "classification", {s: np.searchsorted(distinct, v) for s, v in values.items()}, classes
    if not whole or distinct[0] < 0 or distinct[-1] >= len(names):
        raise StudyError(
            f"expected labels 0 to {len(names) - 1}, one per class, got {distinct[0]} to {distinct[-1]}"
            " (-1 usually marks a split published without labels)"
        )
    return "classification", {s: v.astype(np.int64) for s, v in values.items()}, names


def _like_classes(distinct: Array, examples: int) -> bool:
    """Whether numbers with a fraction mean classes all the same: whole ones that repeat."""
    whole = bool(np.isfinite(distinct).all()) and bool((distinct == np.round(distinct)).all())
    return whole and len(distinct) <= min(20, examples / 5)


def why_label(label: str, given: str | None, usual: tuple[str, ...]) -> str:
    """In words, how the label column was found."""
    how = "as label: says" if given else f"the first of {', '.join(usual)} that there is"
    return f"the label is the column {label!r}, {how}"


def why_task(kind: pa.DataType, task: Task | None) -> str:
    """In words, how the task was chosen for a label column of this type."""
    if task is not None:
        return f"{task}, as task: says"
    if pa.types.is_floating(kind):
        return f"regression, since its values are {kind} with fractions"
    return f"classification, since its values are {kind}"


def class_names(schema: pa.Schema) -> dict[str, tuple[str, ...]]:
    """The classes of each ClassLabel column, from the metadata the `datasets` library writes into Parquet."""
    stored = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    features = stored.get("info", {}).get("features", {})
    return {
        column: tuple(feature["names"])
        for column, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
    }


def column_of(columns: list[str], chosen: str | None, usual: tuple[str, ...], role: str) -> str:
    """The column `chosen`, or the first of `usual` there is; ValueError naming the columns there are."""
    if chosen is None:
        found = [name for name in usual if name in columns]
        if found:
            return found[0]
        raise StudyError(f"no column looks like the {role}: say {role}: with one of {', '.join(columns)}")
    one_of(role, chosen, columns)
    return chosen
