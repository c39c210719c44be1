"""The README's part on the digits study: written by a command, and silent on what cannot be told apart."""

from __future__ import annotations

from pathlib import Path

import analysis
from benchmarks.front_page import apart, block
from benchmarks.readme_part import README, replaced
from tests.analysis.conftest import write_study


def test_methods_that_differ_by_less_than_their_scatter_are_not_ranked() -> None:
    said = apart({"group lasso": [0.40, 0.42, 0.44], "NPN": [0.41, 0.43, 0.45], "random": [0.10, 0.11, 0.12]})
    assert "NPN has the largest mean; group lasso cannot be told apart from it; random is behind" in said


def test_one_search_ranks_nothing() -> None:
    assert "nothing here ranks the methods" in apart({"group lasso": [0.4], "NPN": [0.9]})


def test_the_part_is_written_between_its_comments(tmp_path: Path) -> None:
    study = analysis.load(write_study(tmp_path / "made-up", trials=12, searches=3))
    part = block(study, "study run digits")
    assert part.count("| group lasso |") == 1 and "docs/digits.png" in part
    readme = README.read_text(encoding="utf-8")
    once = replaced(readme, "digits", "benchmarks.front_page", part)
    assert replaced(once, "digits", "benchmarks.front_page", part) == once and part in once
    begin, end = "<!-- digits: benchmarks.front_page -->", "<!-- /digits -->"
    assert once.partition(begin)[0] == readme.partition(begin)[0]
    assert once.partition(end)[2] == readme.partition(end)[2]
