"""Token ids: lists of a Parquet file as sequences of one length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from trainables import data
from trainables.data import rows_of

ROWS = [[5, 3], [4], [], [7, 8, 9], [1, 2, 3]] * 6


@pytest.fixture
def file(tmp_path: Path) -> Path:
    pq.write_table(pa.table({"id": range(30), "ids": ROWS, "label": [0, 1] * 15}), tmp_path / "texts.parquet")
    return tmp_path / "texts.parquet"


@pytest.mark.parametrize(("length", "expected"), [(None, 3), (2, 2), (5, 5)])
def test_lists_are_cut_or_filled_to_one_length(length: int | None, expected: int, file: Path) -> None:
    found = data.load(str(file), tokens="ids", length=length)
    assert found.input_shape == (expected,) and found.classes == ("0", "1")
    assert found.columns == tuple(f"ids_{i}" for i in range(expected))
    wanted = {tuple((row + [0] * 5)[:expected]) for row in ROWS}
    raw = torch.cat([part.x for part in (found.train, found.validation, found.test)])
    assert {tuple(map(int, row)) for row in raw.tolist()} == wanted
    assert torch.equal(found.inputs(raw), raw), "they are no measurements: nothing is standardised"


def test_new_texts_are_read_as_those_of_training_were(file: Path) -> None:
    columns = data.load(str(file), tokens="ids", length=4).columns
    assert rows_of(file, columns, 4)[3].tolist() == [7.0, 8.0, 9.0, 0.0]


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (["a b"] * 30, {}, "lists of whole numbers in ids, but got string; tokenise texts first"),
        ([[0.5]] * 30, {}, "lists of whole numbers in ids"),
        ([[-1]] * 30, {}, "numbers from 0 to 16777215"),
        ([[None]] * 30, {}, "numbers from 0 to 16777215|lists of whole numbers"),
        ([[1]] * 30, {"tokens": "idz"}, "did you mean 'ids'"),
        ([[1]] * 30, {"length": 0}, "a length of 1 or more, but got 0|a length of 1 or more"),
    ],
)
def test_what_is_no_tokens_is_one_line(values: Any, options: dict[str, Any], message: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"ids": values, "label": [0, 1] * 15}), tmp_path / "texts.parquet")
    with pytest.raises(ValueError, match=message):
        data.load(str(tmp_path / "texts.parquet"), **{"tokens": "ids"} | options)
