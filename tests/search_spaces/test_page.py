"""docs/parameters.md is what the declarations and spaces say."""

from __future__ import annotations

from pathlib import Path

from search_spaces.__main__ import page


def test_the_page_of_parameters_is_current() -> None:
    written = (Path(__file__).parents[2] / "docs" / "parameters.md").read_text()
    assert written == page(), "make it anew: python -m search_spaces > docs/parameters.md"
