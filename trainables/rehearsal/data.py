"""What a data set holds, and whether it can be learned from: said before anything trains."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from trainables.data import Dataset
from trainables.errors import StudyError

_SEEN = 10_000
"""Examples from which ranges are read: sets may be larger than memory."""

_NAMED = 5
"""Names in a message before it says how many there are."""


@dataclass(frozen=True)
class DataFacts:
    """A data set in words and numbers."""

    name: str
    source: str
    task: str
    chosen: tuple[str, ...]
    """Why this label, why this task."""
    input_shape: tuple[int, ...]
    raw: str
    """"uint8" or "float32"."""
    low: float
    high: float
    """Range of the raw training examples, the first 10,000 of them."""
    outputs: int
    splits: dict[str, int]
    """Examples."""
    classes: dict[str, int]
    """Training examples by class; none where there are no classes."""
    standardised: str
    notes: tuple[str, ...]
    """What is not wrong and good to know."""


def examine(dataset: Dataset, batch_size: int) -> DataFacts:
    """The facts of a data set.

    Raises:
        StudyError: there is one class only, or there are fewer examples than classes, or than a batch has.
    """
    name, splits = dataset.name, {s: len(getattr(dataset, s)) for s in ("train", "validation", "test")}
    classes = _classes(dataset)
    if dataset.task == "classification":
        _refuse_classes(name, classes, splits["train"])
    if batch_size > splits["train"]:
        most = f"the {splits['train']} training examples of {name}"
        raise StudyError(f"batch_size: expected at most {most}, but got {batch_size}")
    seen = dataset.train.x[:_SEEN]
    return DataFacts(
        name=name,
        source=dataset.source,
        task=dataset.task,
        chosen=dataset.chosen,
        input_shape=dataset.input_shape,
        raw=str(seen.dtype).removeprefix("torch."),
        low=float(seen.min()),
        high=float(seen.max()),
        outputs=dataset.outputs,
        splits=splits,
        classes=classes,
        standardised=_standardised(dataset),
        notes=tuple(_notes(dataset, splits["validation"], classes)),
    )


def _classes(dataset: Dataset) -> dict[str, int]:
    if dataset.task != "classification":
        return {}
    counts = torch.bincount(dataset.train.y, minlength=len(dataset.classes)).tolist()
    return dict(zip(dataset.classes, counts, strict=True))


def _refuse_classes(name: str, classes: dict[str, int], examples: int) -> None:
    if len(classes) < 2:
        only = next(iter(classes), "none")
        raise StudyError(f"data: {name}: expected at least 2 classes to tell apart, but all labels are {only!r}")
    if examples < len(classes):
        raise StudyError(
            f"data: {name}: expected an example of each of the {len(classes)} classes at least, but {examples} are "
            "left to train on"
        )


def _standardised(dataset: Dataset) -> str:
    if bool((dataset.mean == 0).all()) and bool((dataset.std == 1).all()):
        return "as they are" if dataset.train.x.is_floating_point() else "pixels as x/255"
    of = "pixel x/255" if not dataset.train.x.is_floating_point() else "value"
    each = "channel" if len(dataset.input_shape) > 1 else "column"
    return f"each {each}'s {of} less its mean, over its standard deviation, of the train split"


def _notes(dataset: Dataset, validation: int, classes: dict[str, int]) -> list[str]:
    notes = []
    if missing := [name for name, count in classes.items() if not count]:
        notes.append(f"no training example of {_several(missing)}")
    if classes and max(classes.values()) >= 0.8 * sum(classes.values()):
        most = max(classes, key=lambda name: classes[name])
        share = classes[most] / sum(classes.values())
        notes.append(f"{share:.0%} of the training examples are {most!r}: an answer that is always this scores as much")
    if dataset.task == "classification" and validation < 100:
        notes.append(
            f"1 of {validation} validation examples is {100 / validation:.1f} points of accuracy: trials within 1 "
            "point of each other differ by less than one example"
        )
    if len(dataset.input_shape) == 1 and dataset.train.x.is_floating_point():
        seen = dataset.train.x[:_SEEN]
        constant = (seen == seen[:1]).all(0).nonzero().flatten().tolist()
        names = dataset.columns or tuple(f"feature {i}" for i in range(dataset.input_shape[0]))
        if constant:
            notes.append(f"the same value in all training examples: {_several([names[i] for i in constant])}")
    return notes


def _several(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
