"""The README's figures of speed are those of the records."""

from __future__ import annotations

import pytest

from benchmarks.readme import block
from benchmarks.readme_part import README, replaced


def test_the_readme_says_what_the_records_say() -> None:
    readme = README.read_text(encoding="utf-8")
    made = replaced(readme, "speed", "benchmarks.readme", block())
    assert made == readme, "make it anew: python -m benchmarks.readme"


def test_a_readme_without_the_comments_is_refused() -> None:
    with pytest.raises(ValueError, match="<!-- speed"):
        replaced("# study", "speed", "benchmarks.readme", block())
