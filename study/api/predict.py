"""What an exported network says of each row of a table, or each image of a folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainables.errors import StudyError

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.deploy import Export

_BATCH = 512


@dataclass(frozen=True)
class Predictions:
    """Answers, an example each.

    Attributes:
        rows: ``row`` or ``file``, then ``class``, ``probability`` and ``probabilities``, or the target by its name.
        warnings: where the examples are unlike those of training, such as numbers on another scale.
    """

    rows: list[dict[str, Any]]
    warnings: tuple[str, ...]


def predict(network: str | Path, file: str | Path) -> Predictions:
    """What a network says of each row of a table or each image.

    Args:
        network: a file that `study export` wrote.
        file: a CSV or Parquet file, an image, or a folder of images.

    Raises:
        StudyError: there is no such file, or it is not what the network reads.
    """
    from trainables.deploy import load, strangers

    place = Path(file)
    if not place.exists():
        raise StudyError(f"{file}: there is no such file or folder")
    found = load(Path(network))
    names, raw = _examples(found.card, place)
    return Predictions(_answers(found, names, raw), tuple(strangers(found.card, raw)))


def _examples(card: dict[str, Any], file: Path) -> tuple[Sequence[str | int], Tensor]:
    """What each example is called, and the raw examples."""
    from trainables.data import images_of, rows_of

    shape, kind = tuple(card["input_shape"]), card["preprocessing"]["raw"]
    if kind == "uint8" and len(shape) == 3:
        if file.suffix in (".csv", ".parquet"):
            raise StudyError(f"{file}: expected an image or a folder of images, which the network reads")
        options = card.get("data", {})
        return images_of(file, shape, options.get("size"), options.get("resize"))
    if kind != "float32" or file.is_dir():
        numbers = " x ".join(map(str, shape))
        raise StudyError(f"{file}: expected a CSV or Parquet file with the {numbers} numbers of a row")
    raw = rows_of(file, card.get("contract", {}).get("columns", ()), math.prod(shape))
    return range(len(raw)), raw.view(-1, *shape)


def _answers(network: Export, names: Sequence[str | int], raw: Tensor) -> list[dict[str, Any]]:
    import torch

    card = network.card
    with torch.no_grad():
        output = torch.cat([network.predict(batch).flatten(1) for batch in torch.split(raw, _BATCH)])
    key = "row" if isinstance(names, range) else "file"
    rows: list[dict[str, Any]] = [{key: name} for name in names]
    if card["task"] == "classification":
        shares = output.double().softmax(1)
        for row, share in zip(rows, shares, strict=True):
            best = int(share.argmax())
            row |= {"class": card["classes"][best], "probability": float(share[best])}
            row["probabilities"] = dict(zip(card["classes"], share.tolist(), strict=True))
        return rows
    label = card.get("contract", {}).get("label") or "output"
    targets = [label] if card["outputs"] == 1 else [f"{label}_{i}" for i in range(card["outputs"])]
    for row, values in zip(rows, output.tolist(), strict=True):
        row |= dict(zip(targets, values, strict=True))
    return rows
