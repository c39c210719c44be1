"""The tables of NPN's costs are the record's."""

import json

import pytest

from benchmarks.npn_costs import Row, markdown
from benchmarks.readme_part import ROOT

RECORDED = json.loads((ROOT / "benchmarks" / "results" / "npn_costs.json").read_text())["tasks"]


@pytest.mark.parametrize("task", RECORDED)
def test_the_manual_says_what_the_record_says(task: str) -> None:
    table = [f"  {line}\n" for line in markdown([Row(**row) for row in RECORDED[task]["rows"]])]
    assert "".join(table) in (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
