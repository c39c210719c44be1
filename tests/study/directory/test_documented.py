"""docs/directory.md names every column there is, with its type."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest

from study.directory.tables import CURVES, LATENCIES, TRIALS

PAGE = (Path(__file__).parents[3] / "docs" / "directory.md").read_text()
WORDS = {"list<item: int32>": "list of int32", "timestamp[us, tz=UTC]": "timestamp"}


@pytest.mark.parametrize(
    ("heading", "schema"),
    [("results/trials", TRIALS), ("results/curves", CURVES), ("results/latency.parquet", LATENCIES)],
)
def test_every_column_is_documented(heading: str, schema: pa.Schema) -> None:
    (section,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    rows = re.findall(r"^\| (`.*?) \| (.*?) \|", section, re.M)
    said = {name: kind for names, kind in rows for name in re.findall(r"`(\w+)`", names) if not name.endswith("_NAME")}
    declared = {field.name: WORDS.get(str(field.type), str(field.type)) for field in schema}
    assert said == declared
