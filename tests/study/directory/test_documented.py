"""docs/directory.md names every column there is, with its type."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from study.directory import Manifest, StudyDirectory
from study.directory.tables import CURVES, LATENCIES, TRIALS, VERSION
from tests.study.asked import row_of

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


def test_pandas_reads_the_tables_as_the_page_says(tmp_path: Path) -> None:
    directory = StudyDirectory(tmp_path / "runs" / "NAME")
    directory.create("name: two-methods\n")
    for method in ("dense", "magnitude"):
        manifest: Manifest = {"schema": VERSION, "pack": f"{method}-p0000", "method": method, "trials": []}
        row = row_of(
            manifest,
            {"trial": f"{method}-00000", "number": 0, "lane": 0, "seed": 1, "data_seed": 2, "parameters": {"lr": 0.1}},
        )
        directory.write_results(manifest["pack"], method, [row], [])
    (said,) = re.findall(r'pandas\.read_parquet\("runs/NAME/results/trials"(?:, (\w+)=None)?\)', PAGE)
    trials = pd.read_parquet(tmp_path / "runs" / "NAME" / "results" / "trials", **({said: None} if said else {}))
    assert sorted(trials["method"]) == ["dense", "magnitude"] and set(trials["param_lr"]) == {0.1}
