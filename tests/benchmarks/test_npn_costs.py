"""The table of NPN's costs is the record's."""

import json

from benchmarks.npn_costs import Row, markdown
from benchmarks.readme_part import ROOT


def test_the_manual_says_what_the_record_says() -> None:
    record = json.loads((ROOT / "benchmarks" / "results" / "npn_costs.json").read_text())
    table = [f"  {line}\n" for line in markdown([Row(**row) for row in record["rows"]])]
    assert "".join(table) in (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
