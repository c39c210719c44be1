"""The tables of NPN's costs are the record's."""

import json

import pytest

from benchmarks.npn_costs import TASKS, Row, markdown
from benchmarks.readme_part import ROOT


@pytest.mark.parametrize("task", TASKS)
def test_the_manual_says_what_the_record_says(task: str) -> None:
    record = json.loads((ROOT / "benchmarks" / "results" / "npn_costs.json").read_text())["tasks"][task]
    table = [f"  {line}\n" for line in markdown([Row(**row) for row in record["rows"]])]
    assert "".join(table) in (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
