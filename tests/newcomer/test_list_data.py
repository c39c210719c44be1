"""`study list data` says which files can be read and what may stand beside their path."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from study.cli.writing import list_names
from trainables import data
from trainables.data import FORMATS


def test_it_shows_formats_with_their_keys(capsys: pytest.CaptureFixture[str]) -> None:
    list_names("data", as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert "digits" in shown and shown["FILE.csv"].endswith(
        "keys: label, drop, task, tokens, length, validation, test, limit, mean, std, augment, padding"
    )
    assert all(kind in shown for kind, _, _ in FORMATS)


def test_the_keys_are_those_that_are_taken(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,target\n" + "".join(f"{i},{i % 2}\n" for i in range(20)))
    keys = next(keys for kind, _, keys in FORMATS if kind == "FILE.csv")
    with pytest.raises(ValueError, match="expected one of " + re.escape(", ".join(keys))):
        data.load(str(tmp_path / "t.csv"), lable="target")
