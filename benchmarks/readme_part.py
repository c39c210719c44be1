"""Parts of the README that programs write, between comments that name the program."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def replaced(readme: str, name: str, program: str, part: str) -> str:
    """The README with a part replaced.

    Raises:
        ValueError: it has no comments ``<!-- name: program -->`` and ``<!-- /name -->``.
    """
    begin, end = f"<!-- {name}: {program} -->", f"<!-- /{name} -->"
    before, found, rest = readme.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"expected {begin} and {end} in the README")
    return f"{before}{begin}\n{part}\n{end}{after}"


def write(name: str, program: str, part: str) -> None:
    """Replace a part of the repository's README."""
    README.write_text(replaced(README.read_text(encoding="utf-8"), name, program, part), encoding="utf-8")
