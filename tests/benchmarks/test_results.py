"""docs/results.md is what its command makes of the records."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.results import RECORDS, page

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_the_command_makes() -> None:
    again = "python -m benchmarks.results > docs/results.md"
    assert (DOCS / "results.md").read_text(encoding="utf-8") == page(), f"make it anew: {again}"


def test_without_records_every_row_is_not_run(tmp_path: Path) -> None:
    made = page(tmp_path)
    assert "| dropneuron_lenet300 | DropNeuron | not run | | |" in made
    assert "## " not in made


def test_records_say_what_they_were_made_with() -> None:
    for file in RECORDS.glob("*.json"):
        record = json.loads(file.read_text(encoding="utf-8"))
        assert record["command"].startswith("study reproduce ") and record["date"] and record["commit"]
        for row in record["rows"]:
            assert row["numbers"] is None or (row["machine"] and row["code"])
            assert row["full"] or row["verdict"] == "partial"
